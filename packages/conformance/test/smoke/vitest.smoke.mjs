import { describe, it } from 'vitest';
import { register } from './suites.mjs';

register({ describe, it });
