import type { LockProperty } from './claim.js';
import { budgetProperties } from './budgets.js';
import { eventProperties } from './events.js';
import { exclusionProperties } from './exclusion.js';
import { groupProperties } from './groups.js';
import { heldProperties } from './held.js';
import { managerSessionProperties } from './manager-sessions.js';
import { waitProperties } from './wait.js';
import { coreProperties } from './core.js';
import { faultProperties } from './faults.js';
import { processProperties } from './processes.js';
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
  ...managerSessionProperties,
  ...inspectProperties,
  ...forceProperties,
  ...traceProperties,
  ...heldProperties,
  ...waitProperties,
  ...groupProperties,
  ...exclusionProperties,
  ...eventProperties,
  ...budgetProperties,
  ...processProperties,
  ...faultProperties,
];
