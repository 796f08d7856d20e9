import type { BriskMap } from '../brisk-map.js';
import type { ClosedError } from '../errors.js';
import type { Lease } from './lease.js';
import type { Outward } from './outward.js';
import type { Queues } from './queue.js';
import type { Released } from './releasing.js';
import type { Settings } from './settings.js';
import type { StoreCalls } from './store-calls.js';
import type { Tenures } from './tenures.js';
import type { GroupWaiter } from './group-waiter.js';
import type { Waiter } from './waiter.js';

/** The parts of one lock manager, as they know each other. */
export interface LockContext extends Settings {
  readonly outward: Outward;
  readonly calls: StoreCalls;
  readonly tenures: Tenures;
  readonly queues: Queues;
  /** Calls that will not wait, whose one attempt is on its way, by lease id; they are in no queue. */
  readonly asking: BriskMap<string, Waiter>;
  /** Calls that take several locks. */
  readonly groups: Set<GroupWaiter>;
  /** What calls fail with from the time on that the manager was closed. */
  closed?: ClosedError;
  /** Ends a lease at its holder's wish. */
  release(lease: Lease): Promise<Released>;
  /** A lease id that no other process makes. */
  newLeaseId(): string;
}
