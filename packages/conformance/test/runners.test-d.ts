import { describe as nodeDescribe, it as nodeIt } from 'node:test';
import { describe, expectTypeOf, it } from 'vitest';
import type { TestApi } from '../src/index.js';

it('takes `describe` and `it` of runners that come with types as they are', () => {
  expectTypeOf({ describe, it }).toExtend<TestApi>();
  expectTypeOf({ describe: nodeDescribe, it: nodeIt }).toExtend<TestApi>();
});
