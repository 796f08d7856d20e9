import { describe, it } from '@jest/globals';
import { register } from './suites.mjs';

register({ describe, it });
