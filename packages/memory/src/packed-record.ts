import { recordVersion } from '@headgate/core';
import type { LimiterRecord } from '@headgate/core';
import type { Columns, PackableLimit, PackedState } from './packed-limits.js';

/*
 * Packed records and core's: the first column is the time of the record's last write, behind it are the states of the policy's limits, each with the numbers core
 * has for it. Only a token bucket's own time is left out, because it is the record's.
 */

const columnsOf = { tokenBucket: 1, fixedWindow: 2, slidingWindow: 3 } as const;

/** The record at `columns[base]` in core's form. */
export function unpackRecord(limits: readonly PackableLimit[], columns: Columns, base: number): LimiterRecord {
  const lastUs = columns[base] as number;
  let at = base + 1;
  const entries = limits.map((limit) => {
    const state = Array.from(columns.slice(at, at + columnsOf[limit.kind]));
    at += state.length;
    if (limit.kind === 'tokenBucket') state.push(lastUs);
    return { limit, state };
  });
  return { version: recordVersion, lastUs, blockedUntilUs: 0, entries: entries.filter(isSpent) };
}

function isSpent({ limit, state }: { readonly limit: PackableLimit; readonly state: readonly number[] }): boolean {
  const [first = 0, second = 0] = state;
  if (limit.kind === 'tokenBucket') return first < limit.limit * limit.unitsPerToken;
  return first > 0 || (limit.kind === 'slidingWindow' && second > 0);
}

/**
 * The columns of a record of core's form under `policy`; `undefined` when they cannot hold it: a block, a limit of another policy, or a token bucket's level of
 * an older time (one kept from an earlier policy).
 */
export function packRecord(policy: PackedState, record: LimiterRecord): number[] | undefined {
  const { entries, lastUs, blockedUntilUs } = record;
  const known = entries.filter(({ limit, state }) => {
    return policy.limits.includes(limit as PackableLimit) && (limit.kind !== 'tokenBucket' || state[1] === lastUs);
  });
  if (blockedUntilUs !== 0 || known.length < entries.length) return undefined;
  const columns = new Array<number>(policy.width).fill(0);
  policy.openFresh(lastUs);
  policy.save(columns, 0);
  let at = 0;
  for (const limit of policy.limits) {
    const width = columnsOf[limit.kind];
    const entry = known.find((candidate) => candidate.limit === limit);
    entry?.state.slice(0, width).forEach((value, i) => (columns[at + i] = value));
    at += width;
  }
  return [lastUs, ...columns];
}
