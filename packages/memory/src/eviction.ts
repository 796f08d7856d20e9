import type { RecordTable } from './record-table.js';
import type { Space } from './spaces.js';

/** Old keys a charge to a full store looks at to find one that is not blocked. */
const looksToEvict = 1000;

/** Forgets the oldest key of the same limiter that is not blocked; of another's, when it has none. Returns whether there was one. */
export function evictOldest(table: RecordTable, own: Space, nowUs: number): boolean {
  if (evictFrom(table, own, nowUs)) return true;
  for (const space of table.spaces.all()) if (evictFrom(table, space, nowUs)) return true;
  return false;
}

function evictFrom(table: RecordTable, space: Space, nowUs: number): boolean {
  const looks = Math.min(looksToEvict, space.slots.size);
  for (let looked = 0; looked < looks; looked++) {
    const slot = nextOldest(space);
    if (table.isBlocked(slot, nowUs)) continue;
    table.remove(slot);
    return true;
  }
  return false;
}

/** The slot after the one last looked at, round and round; the space holds at least one. */
function nextOldest(space: Space): number {
  // Asking for the first key of a map anew each time would pass over all it has deleted.
  space.hand ??= space.slots.entries();
  let next = space.hand.next();
  if (next.done) {
    space.hand = space.slots.entries();
    next = space.hand.next() as IteratorYieldResult<[string, number]>;
  }
  return next.value[1];
}
