import { register } from './suites.mjs';

// This runner puts them there, and brings no types of its own.
const { describe, it } = /** @type {import('@headgate/conformance').TestApi} */ (/** @type {unknown} */ (globalThis));
register({ describe, it });
