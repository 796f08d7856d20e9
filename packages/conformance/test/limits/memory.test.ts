import { describe, it } from 'vitest';
import { limiterSetting } from '../../../memory/test/fixtures.js';
import { limiterConformance, manualClock } from '../../src/index.js';

// On the system's clock it runs in that package.
limiterConformance({ describe, it, version: '@headgate/memory', ...limiterSetting(() => manualClock()) });
