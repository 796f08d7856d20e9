import { register } from './suites.mjs';

register({ describe: globalThis.describe, it: globalThis.it });
