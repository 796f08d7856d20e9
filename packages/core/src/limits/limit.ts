import { checkName } from '../keys.js';
import { booleanOption, checkOptions, durationMs, integer, invalid, optional } from '../validate.js';
import type { Checks } from '../validate.js';
import { gcd } from './exact.js';

/** The algorithms a limit can use. */
export type LimitKind = 'tokenBucket' | 'fixedWindow' | 'slidingWindow' | 'slidingLog';

/** A compiled token bucket; make one with {@link tokenBucket}. */
export interface TokenBucketLimit {
  readonly kind: 'tokenBucket';
  readonly name: string;
  /** Largest burst, in tokens; also the largest debt. */
  readonly limit: number;
  /** Time in which an empty bucket becomes full, milliseconds, rounded up: the `w` of a `RateLimit-Policy` header. */
  readonly windowMs: number;
  /** Units gained per microsecond (p of the reduced ratio p/q). */
  readonly unitsPerUs: number;
  /** Units in a token (q of the reduced ratio p/q). */
  readonly unitsPerToken: number;
}

/** A compiled fixed window; make one with {@link fixedWindow}. */
export interface FixedWindowLimit {
  readonly kind: 'fixedWindow';
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly windowUs: number;
  /** True when windows begin at multiples of their length since the epoch; false when they begin at the first hit. */
  readonly aligned: boolean;
}

/** A compiled sliding window; make one with {@link slidingWindow}. */
export interface SlidingWindowLimit {
  readonly kind: 'slidingWindow';
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly windowUs: number;
}

/** A compiled sliding log; make one with {@link slidingLog}. */
export interface SlidingLogLimit {
  readonly kind: 'slidingLog';
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly windowUs: number;
}

/** One limit of a policy, compiled to integers and frozen. */
export type Limit = TokenBucketLimit | FixedWindowLimit | SlidingWindowLimit | SlidingLogLimit;

/** Largest `limit` of a window: debts of one more limit and all sums stay exact. */
export const maxWindowLimit: number = 2 ** 50;
/** Largest count of units in two capacities (a full bucket above a full debt). */
export const maxUnits: number = Number.MAX_SAFE_INTEGER;
/** Longest time from the deepest debt to full, microseconds (142 years): epoch instants stay safe integers. */
const maxRefillUs = 2 ** 52;

/** Options of {@link tokenBucket}. */
export interface TokenBucketOptions {
  /** Name of the limit within its policy; default `'default'`. */
  readonly name?: string | undefined;
  /** Largest burst, in tokens: a positive integer. */
  readonly capacity: number;
  /** Tokens gained in each `refillIntervalMs`, spread evenly over it; default `capacity`. */
  readonly refillTokens?: number | undefined;
  /** Milliseconds in which `refillTokens` are gained: a positive integer. */
  readonly refillIntervalMs: number;
}

const bucketChecks = {
  name: optional(checkName, 'default'),
  capacity: integer(1),
  refillTokens: optional(integer(1), undefined),
  refillIntervalMs: durationMs,
} satisfies Checks<{ [K in keyof TokenBucketOptions]-?: unknown }>;

/**
 * A bucket that holds `capacity` tokens and refills continuously; a call takes its cost or is refused. Choose it by
 * default: bursts up to the capacity, then a steady rate, constant state. Exact: the ratio of tokens to microseconds is
 * reduced to p/q and the level is kept in units of 1/q token, so nothing is ever rounded. Over any interval t it admits at most
 * `capacity + t * rate`, so twice a window's quota can pass around one instant; use {@link slidingLog} where that is too much.
 * Source: the token bucket of Turner (1986) and ITU-T I.371; the gcd reduction follows bucket4j.
 * Throws {@link InvalidArgumentError} for a ratio that doubles cannot hold exactly.
 */
export function tokenBucket(options: TokenBucketOptions): TokenBucketLimit {
  const { name, capacity: limit, refillIntervalMs, ...rate } = checkOptions('options', options, bucketChecks);
  const refillTokens = rate.refillTokens ?? limit;
  const intervalUs = refillIntervalMs * 1000;
  const divisor = gcd(refillTokens, intervalUs);
  const unitsPerUs = refillTokens / divisor;
  const unitsPerToken = intervalUs / divisor;
  if (limit > maxUnits / 2 / unitsPerToken) {
    throw invalid(
      'capacity',
      `at most ${Math.floor(maxUnits / 2 / unitsPerToken)} to stay exact with ${refillTokens} tokens per ${refillIntervalMs} ms ` +
        '(a ratio with a larger common divisor allows more)',
      limit,
    );
  }
  const units = limit * unitsPerToken;
  if ((2 * units) / unitsPerUs > maxRefillUs) throw invalid('capacity', 'refilled within 71 years', limit);
  return Object.freeze({
    kind: 'tokenBucket',
    name,
    limit,
    windowMs: Math.ceil(Math.ceil(units / unitsPerUs) / 1000),
    unitsPerUs,
    unitsPerToken,
  });
}

/** Options of the window limits. */
export interface WindowOptions {
  /** Name of the limit within its policy; default `'default'`. */
  readonly name?: string | undefined;
  /** Cost admitted per window: a positive integer of at most 2^50. */
  readonly limit: number;
  /** Length of the window in milliseconds: a positive integer of at most 2^40. */
  readonly windowMs: number;
}

const windowChecks = {
  name: optional(checkName, 'default'),
  limit: integer(1, maxWindowLimit),
  windowMs: durationMs,
} satisfies Checks<{ [K in keyof WindowOptions]-?: unknown }>;

/** Options of {@link fixedWindow}. */
export interface FixedWindowOptions extends WindowOptions {
  /** Begin windows at multiples of `windowMs` since the epoch instead of at the first hit; default `false`. */
  readonly aligned?: boolean | undefined;
}

const fixedWindowChecks = { ...windowChecks, aligned: optional(booleanOption, false) };

function checkWindow<T extends { windowMs: number }>(
  options: object,
  checks: Checks<T>,
): T & { readonly windowUs: number } {
  const checked = checkOptions('options', options, checks);
  return { ...checked, windowUs: checked.windowMs * 1000 };
}

/**
 * A counter that starts anew when its window ends. Choose it for quotas that people count by ("1,000 a day") and when
 * the cheapest state matters; up to twice the limit can pass around a window's edge. The window begins at the first hit,
 * or at a multiple of its length since the epoch with `aligned`.
 */
export function fixedWindow(options: FixedWindowOptions): FixedWindowLimit {
  return Object.freeze({ kind: 'fixedWindow', ...checkWindow(options, fixedWindowChecks) });
}

/**
 * Two counters, of this window and the one before, the earlier weighted by the part of it that still lies within the
 * last `windowMs`: `ceil(previous * (windowMs - elapsed) / windowMs) + current + cost <= limit`. Choose it for a smooth limit with
 * constant state; it assumes that the earlier hits were spread evenly, so at worst (a burst at the end of a window, then steady
 * demand) just below twice the limit passes within `windowMs`. Windows are aligned to the epoch. Source: Cloudflare, "How we built rate limiting capable of scaling to
 * millions of domains" (2017), with exact instead of floating weights.
 */
export function slidingWindow(options: WindowOptions): SlidingWindowLimit {
  return Object.freeze({ kind: 'slidingWindow', ...checkWindow(options, windowChecks) });
}

/**
 * The time of every admitted call: at most `limit` in every interval of `windowMs`, wherever it begins. Choose it when
 * the limit must hold exactly and is small; its state grows with the calls admitted per window, so each store states the largest
 * `limit` it takes (`capabilities.maxSlidingLogLimit`), which is checked when the limiter is made.
 */
export function slidingLog(options: WindowOptions): SlidingLogLimit {
  return Object.freeze({ kind: 'slidingLog', ...checkWindow(options, windowChecks) });
}
