import type { CallRecord } from './demo-outage-load.js';
import type { OutageRun } from './demo-outage-run.js';

/** One part of the run, by when its calls were sent. */
export interface Phase {
  readonly name: string;
  readonly seconds: number;
  readonly admitted: number;
  readonly denied: number;
  readonly errors: number;
  readonly slowestMs: number;
  /** Decisions by who took them. */
  readonly sources: Readonly<Record<string, number>>;
}

/** What one instance admitted alone, from its fallback. */
export interface FallbackShare {
  readonly instance: number;
  /** Units its fallback was asked for. */
  readonly asked: number;
  readonly admitted: number;
  /** A full share at the start, and the share of the rate from its first fallback decision to its last. */
  readonly bound: number;
}

/** The figures of a run. */
export interface OutageReport {
  readonly phases: readonly Phase[];
  readonly shares: readonly FallbackShare[];
  readonly admitted: number;
  /** What the limit allows in the time of the run: a full bucket and its rate. */
  readonly allowance: number;
  /** What an outage may add, as docs/fallback.md has it. */
  readonly extra: {
    /** The fallbacks begin with a full share each: one capacity in all. */
    readonly freshStart: number;
    /** Calls under way when the store went away. */
    readonly inFlight: number;
    /** Shares of the instances that had not yet returned when the first had: the store serves the whole limit by then. */
    readonly lateReturn: number;
  };
  readonly slowestMs: number;
  /** The longest that the load's own process was late: part of the slowest call, and no fault of the service. */
  readonly lagMs: number;
  readonly activations: number;
  readonly recoveries: number;
  readonly reconciledUnits: number;
  /** What went wrong, by message. Empty when all is well. */
  readonly errors: Readonly<Record<string, number>>;
}

/** Counts what a run was. */
export function reportOf(run: OutageRun): OutageReport {
  const { options, calls, transitions, startMs, goneMs, backMs, recoveredMs, endMs, pendingThen } = run;
  const { limitPerSecond, instances } = options;
  const share = limitPerSecond / instances;
  const recoveries = transitions.filter(({ direction }) => direction === 'recover');
  const firstMs = Math.min(...recoveries.map(({ atMs }) => atMs));
  const lateSeconds = recoveries.reduce((sum, { atMs }) => sum + (atMs - firstMs) / 1000, 0);
  return {
    phases: [
      phase('before', calls, startMs, goneMs),
      phase('Redis is away', calls, goneMs, backMs),
      phase('returning', calls, backMs, recoveredMs),
      phase('after', calls, recoveredMs, endMs),
    ],
    shares: Array.from({ length: instances }, (_, instance) => shareOf(instance, calls, Math.floor(share), share)),
    admitted: calls.filter(({ outcome }) => outcome === 'admitted').length,
    allowance: limitPerSecond + (limitPerSecond * (endMs - startMs)) / 1000,
    extra: { freshStart: limitPerSecond, inFlight: pendingThen, lateReturn: share * lateSeconds },
    slowestMs: slowest(calls),
    lagMs: run.lagMs,
    activations: transitions.length - recoveries.length,
    recoveries: recoveries.length,
    reconciledUnits: recoveries.reduce((sum, { reconciledUnits }) => sum + reconciledUnits, 0),
    errors: countBy(calls.filter(({ outcome }) => outcome === 'error')),
  };
}

function phase(name: string, all: readonly CallRecord[], fromMs: number, toMs: number): Phase {
  const calls = all.filter(({ sentMs }) => sentMs >= fromMs && sentMs < toMs);
  const count = (wanted: CallRecord['outcome']): number => calls.filter(({ outcome }) => outcome === wanted).length;
  return {
    name,
    seconds: (toMs - fromMs) / 1000,
    admitted: count('admitted'),
    denied: count('denied'),
    errors: count('error'),
    slowestMs: slowest(calls),
    sources: countBy(calls.filter(({ outcome }) => outcome !== 'error')),
  };
}

function shareOf(instance: number, calls: readonly CallRecord[], capacity: number, perSecond: number): FallbackShare {
  const own = calls.filter((call) => call.instance === instance && call.source === 'fallback');
  const fromMs = Math.min(...own.map(({ sentMs }) => sentMs));
  const toMs = Math.max(...own.map(({ endedMs }) => endedMs));
  const admitted = own.filter(({ outcome }) => outcome === 'admitted').length;
  const bound = own.length === 0 ? 0 : capacity + (perSecond * (toMs - fromMs)) / 1000;
  return { instance, asked: own.length, admitted, bound };
}

function slowest(calls: readonly CallRecord[]): number {
  return calls.reduce((most, { sentMs, endedMs }) => Math.max(most, endedMs - sentMs), 0);
}

function countBy(calls: readonly CallRecord[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { source } of calls) counts[source] = (counts[source] ?? 0) + 1;
  return counts;
}
