import { describe, it } from 'vitest';
import { lockConformance } from '../../src/locks/suite.js';
import { memoryFixture } from './memory-fixture.js';

lockConformance({ describe, it, version: '@headgate/memory', createStore: (request) => memoryFixture(request) });
