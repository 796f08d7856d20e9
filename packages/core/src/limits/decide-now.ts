import { checkKey, joinKey } from '../keys.js';
import type { LimiterAnswerNow, LimiterOp, LimiterStore } from './contract.js';
import type { Limit } from './limit.js';

/** A decision without a promise under one policy; throws {@link InvalidArgumentError} for what is no key. */
export type DecideNow<T> = (key: string, op: LimiterOp) => T;

/** How an in-process store decides the keys of limiter `name` under `limits`; `make` turns its answer into what the caller wants. */
export function decideNowOf<T>(
  store: LimiterStore,
  name: string,
  limits: readonly Limit[],
  make: (key: string, answer: LimiterAnswerNow) => T,
): DecideNow<T> {
  if (store.decideNowFor) return store.decideNowFor(name, limits, make);
  return (key, op) =>
    make(key, (store as Required<LimiterStore>).decideNow(joinKey(name, checkKey('key', key)), limits, op));
}

/** For who wants the store's own answer of {@link decideNowOf}. */
export const asItIs = (_key: string, answer: LimiterAnswerNow): LimiterAnswerNow => answer;
