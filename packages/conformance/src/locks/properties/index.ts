import type { LockProperty } from './claim.js';
import { coreProperties } from './core.js';
import { fenceProperties } from './fence.js';
import { forceProperties } from './force.js';
import { inspectProperties } from './inspect.js';
import { keyProperties } from './keys.js';
import { leaseProperties } from './lease.js';
import { permitProperties } from './permits.js';
import { queueProperties } from './queue.js';
import { sessionProperties } from './sessions.js';
import { sharedProperties } from './shared.js';
import { traceProperties } from './traces.js';

/** Every property of a lock store, in the order of a report. */
export const lockProperties: readonly LockProperty[] = [
  ...coreProperties,
  ...keyProperties,
  ...leaseProperties,
  ...fenceProperties,
  ...queueProperties,
  ...sharedProperties,
  ...permitProperties,
  ...sessionProperties,
  ...inspectProperties,
  ...forceProperties,
  ...traceProperties,
];
