import { describe, it } from 'node:test';
import { register } from './suites.mjs';

register({ describe, it });
