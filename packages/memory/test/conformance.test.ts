import { limiterConformance, lockConformance, manualClock } from '@headgate/conformance';
import { describe, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { limiterSetting, lockSetting } from './fixtures.js';

const version = `@headgate/memory ${manifest.version}`;

describe('on a clock that tests move', () => {
  limiterConformance({ describe, it, version, ...limiterSetting(() => manualClock()) });
});

describe("by the system's clock", () => {
  limiterConformance({ describe, it, version, ...limiterSetting(() => undefined) });
  lockConformance({ describe, it, version, ...lockSetting() });
});
