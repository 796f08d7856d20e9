import { subscribe } from 'node:diagnostics_channel';
import { hookChannelName } from '@headgate/core';

/*
 * An instance of the service as `npm run demo:outage` runs it: `instance.ts`, unchanged, with an ear on the limiter's diagnostics channel. What the limiter says
 * about its fallback goes to the parent process as `{ fallback: FallbackEvent }`.
 */
subscribe(hookChannelName('onFallback'), (event) => process.send?.({ fallback: event }));

await import('./instance.js');
