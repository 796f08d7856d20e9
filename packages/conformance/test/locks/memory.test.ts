import { describe, it } from 'vitest';
import { lockSetting } from '../../../memory/test/fixtures.js';
import { lockConformance } from '../../src/index.js';

lockConformance({ describe, it, version: '@headgate/memory', ...lockSetting() });
