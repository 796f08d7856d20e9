import { checkKey, joinKey } from '../keys.js';
import type { LimiterAnswerNow, LimiterOp, LimiterStore } from './contract.js';
import type { Limit } from './limit.js';

/** A decision without a promise on one limiter's keys; throws {@link InvalidArgumentError} for what is no key. */
export type DecideNow = (key: string, limits: readonly Limit[], op: LimiterOp) => LimiterAnswerNow;

/** How an in-process store decides the keys of limiter `name` at once; `undefined` for other stores. */
export function decideNowOf(store: LimiterStore, name: string): DecideNow | undefined {
  if (store.decideNowFor) return store.decideNowFor(name);
  if (!store.decideNow) return undefined;
  return (key, limits, op) =>
    (store as Required<LimiterStore>).decideNow(joinKey(name, checkKey('key', key)), limits, op);
}
