import type { BriskMap } from '../brisk-map.js';
import type { Outward } from './outward.js';
import type { Queues } from './queue.js';
import type { Settings } from './settings.js';
import type { StoreCalls } from './store-calls.js';
import type { Tenures } from './tenures.js';
import type { GroupWaiter } from './group-waiter.js';
import type { Waiter } from './waiter.js';

/** The parts of one lock manager, as they know each other. */
export interface LockContext {
  readonly settings: Settings;
  readonly outward: Outward;
  readonly calls: StoreCalls;
  readonly tenures: Tenures;
  readonly queues: Queues;
  /** Calls that will not wait, whose one attempt is on its way, by lease id; they are in no queue. */
  readonly asking: BriskMap<string, Waiter>;
  /** Calls that take several locks. */
  readonly groups: Set<GroupWaiter>;
  /** A lease id that no other process makes. */
  newLeaseId(): string;
}
