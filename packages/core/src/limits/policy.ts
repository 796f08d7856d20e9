import { checkName } from '../keys.js';
import { invalid, maxDurationMs } from '../validate.js';
import { gcd } from './exact.js';
import { maxUnits, maxWindowLimit } from './limit.js';
import { shareOfLimit } from './share.js';
import type { Decision } from './api.js';
import type { LimiterAnswerNow, LimiterStore } from './contract.js';
import type { DecideNow } from './decide-now.js';
import type { DecisionMaker } from './decision.js';
import type { Limit } from './limit.js';
import type { ShareRatio } from './share.js';

/** The limits of a call, checked, with the part of each that the fallback may admit. */
export interface Policy {
  readonly limits: readonly Limit[];
  /** `limits` scaled by the fallback's share; the same array when there is nothing to scale. Absent when nobody may stand in for the store. */
  readonly shares?: readonly Limit[];
  /** How an in-process store decides under `limits`; prepared by the first call. */
  now?: DecideNow<Decision>;
  /** How the store's answers under `limits` are told; prepared by the first. */
  told?: DecisionMaker;
  /** How refusals under `limits` that are known already are told; prepared by the first call. */
  known?: DecisionMaker;
  /** How an in-process fallback decides under `shares`; prepared by the first call. */
  standIn?: DecideNow<LimiterAnswerNow>;
}

/** A policy for which the fallback may be asked. */
export type SharedPolicy = Policy & { readonly shares: readonly Limit[] };

/** Whether two policies ask for the very same limits, so that their calls may share a step. */
export function samePolicy(a: readonly Limit[], b: readonly Limit[]): boolean {
  return a === b || (a.length === b.length && a.every((limit, i) => limit === b[i]));
}

/** Checks the limits of a limiter and of single calls, remembering what it has seen: a plan that is passed again costs one look-up. */
export class PolicyChecker {
  readonly #stores: readonly LimiterStore[];
  readonly #ratio: ShareRatio | undefined;
  readonly #seen = new WeakMap<object, SharedPolicy>();

  constructor(stores: readonly LimiterStore[], ratio: ShareRatio | undefined) {
    this.#stores = stores;
    this.#ratio = ratio;
  }

  /** The policy of an option `limits`; throws {@link InvalidArgumentError} for anything a store must not see. */
  check(value: Limit | readonly Limit[]): SharedPolicy {
    const seen = typeof value === 'object' && value !== null ? this.#seen.get(value) : undefined;
    if (seen && (!Array.isArray(value) || samePolicy(value, seen.limits))) return seen;
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (list.length === 0) throw invalid('limits', 'a limit or a list of at least one', value);
    const limits = Object.freeze(
      list.map((item, i) => this.#checkLimit(Array.isArray(value) ? `limits[${i}]` : 'limits', item)),
    );
    const names = new Set(limits.map(({ name }) => name));
    if (names.size < limits.length)
      throw invalid(
        'limits',
        'a list of limits with distinct names (a limit without a `name` is called `default`)',
        limits.map(({ name }) => name).join(', '),
      );
    const ratio = this.#ratio;
    const shares = ratio ? Object.freeze(limits.map((limit) => shareOfLimit('fallback.share', limit, ratio))) : limits;
    const policy = { limits, shares };
    this.#seen.set(value, policy);
    return policy;
  }

  #checkLimit(option: string, value: unknown): Limit {
    if (!isLimit(value))
      throw invalid(option, 'a limit made by tokenBucket, fixedWindow, slidingWindow or slidingLog', value);
    checkName(`${option}.name`, value.name);
    if (value.kind === 'slidingLog') {
      for (const { name, capabilities } of this.#stores) {
        const most = capabilities.maxSlidingLogLimit;
        if (value.limit > most)
          throw invalid(`${option}.limit`, `at most ${most}, the largest sliding log of store '${name}'`, value.limit);
      }
    }
    return value;
  }
}

/** Whether a value is a compiled, frozen limit; by its content, since a tree may hold two copies of this package. */
function isLimit(value: unknown): value is Limit {
  if (typeof value !== 'object' || value === null || !Object.isFrozen(value)) return false;
  const limit = value as Limit;
  if (!isCount(limit.limit)) return false;
  if (limit.kind === 'tokenBucket') {
    const { unitsPerUs, unitsPerToken } = limit;
    if (!isCount(unitsPerUs) || !isCount(unitsPerToken)) return false;
    return limit.limit <= maxUnits / 2 / unitsPerToken && gcd(unitsPerUs, unitsPerToken) === 1;
  }
  if (!['fixedWindow', 'slidingWindow', 'slidingLog'].includes(limit.kind)) return false;
  if (limit.limit > maxWindowLimit) return false;
  return isCount(limit.windowMs) && limit.windowMs <= maxDurationMs && limit.windowUs === limit.windowMs * 1000;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
