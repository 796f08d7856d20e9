import { register as globalRegister } from 'prom-client';
import { optionsObject } from '@headgate/core';
import type { DeclaredSeries, Hooks } from '@headgate/core';
import type { Registry } from 'prom-client';
import { MetricSet } from './metric-set.js';
import { version } from './version.js';

/** Options of {@link prometheusHooks}. */
export interface PrometheusOptions {
  /** Where metrics are registered; default prom-client's global `register`. Several hooks may share one registry. */
  readonly register?: Registry | undefined;
  /** Labels of an exemplar (a trace id) for what is being observed now. Turns exemplars on; they show only in the OpenMetrics format. */
  readonly exemplarLabels?: (() => Readonly<Record<string, string>> | undefined) | undefined;
}

const decisionOutcomes = ['allowed', 'denied', 'error_allowed', 'error_denied', 'error'] as const;
const lockAcquireOutcomes = ['acquired', 'busy', 'timeout', 'aborted', 'error'] as const;
const storeErrorKinds = ['timeout', 'connection', 'throttled', 'script', 'auth', 'contended', 'full', 'other'] as const;
const evictionReasons = ['expired', 'capacity'] as const;
const lostReasons = ['expired', 'stolen', 'forced', 'session', 'connection', 'closed'] as const;

/** Hooks for `createLimiter`, `createLocks` and stores that count what they are told in prom-client metrics. */
export function prometheusHooks(options: PrometheusOptions = {}): Hooks {
  optionsObject('options', options, { register: 0, exemplarLabels: 0 });
  const metrics = new MetricSet(options.register ?? globalRegister, options.exemplarLabels);
  metrics.set('buildInfo', 1, '@headgate/prometheus', version);
  return {
    onDeclare: (series) => declare(metrics, series),
    onDecision(event) {
      const { limiter, store } = event;
      const outcome = decisionOutcome(event.outcome, event.source);
      metrics.add('decisions', 1, limiter, store, outcome);
      metrics.add('costUnits', event.cost, limiter, outcome);
      if (outcome === 'denied' && event.reason) metrics.add('denials', 1, limiter, store, event.reason);
      if (event.source === 'fallback') metrics.add('fallbackDecisions', 1, limiter, outcome);
    },
    onRefund: (event) => metrics.add('refundedUnits', event.units, event.limiter),
    onLimiterWait: (event) => metrics.add('limiterWait', event.waitMs / 1000, event.limiter, event.outcome),
    onStoreCall(event) {
      metrics.add('operationDuration', event.durationMs / 1000, event.store, event.operation, event.outcome);
      if (event.outcome === 'error') {
        metrics.add('storeErrors', 1, event.store, event.operation, event.errorKind ?? 'other');
      }
    },
    onFallback(event) {
      metrics.set('fallbackActive', event.direction === 'activate' ? 1 : 0, event.limiter, event.from, event.to);
      metrics.add('fallbackTransitions', 1, event.limiter, event.direction);
    },
    onAcquire(event) {
      const { lock, store } = event;
      metrics.add('acquires', 1, lock, store, event.outcome);
      metrics.add('acquireWait', event.waitMs / 1000, lock, store, event.outcome);
      metrics.add('attempts', event.attempts, lock, store);
      if (event.contended) metrics.add('contendedAcquires', 1, lock, store);
      if (event.outcome === 'acquired') metrics.add('active', 1, lock, store);
    },
    onLeaseEnd(event) {
      metrics.add('hold', event.heldMs / 1000, event.lock, event.store, event.ended);
      metrics.add('active', -1, event.lock, event.store);
    },
    onLockLost: (event) => metrics.add('lost', 1, event.lock, event.store, event.reason),
    onExtend: (event) => metrics.add('extensions', 1, event.lock, event.store, event.outcome),
    onRelease: (event) => metrics.add('releases', 1, event.lock, event.store, event.outcome),
    onSessionRelease(event) {
      metrics.add('sessionReleases', 1, event.lock, event.store, event.cause, event.outcome);
      metrics.add('sessionReleasedLocks', event.released, event.lock, event.store, event.cause);
    },
    onWaiters: (event) => metrics.add('waiters', event.delta, event.lock, event.store),
    onStoreKeys(event) {
      metrics.set('memoryKeys', event.keys, event.store);
      for (const reason of evictionReasons) metrics.touch('memoryEvictions', event.store, reason);
      if (event.evicted) metrics.add('memoryEvictions', event.evicted.count, event.store, event.evicted.reason);
    },
    onClockSkew: (event) => metrics.set('clockSkew', event.skewMs / 1000, event.store),
    onHookError: (event) => metrics.add('hookErrors', 1, event.hook),
  };
}

function decisionOutcome(
  outcome: 'allowed' | 'denied' | 'error',
  source: 'store' | 'cache' | 'fallback' | 'open' | 'closed',
): (typeof decisionOutcomes)[number] {
  if (source === 'open') return 'error_allowed';
  if (source === 'closed') return 'error_denied';
  return outcome;
}

/** Starts at 0 whatever series can be known, so that `rate()` sees the first event. */
function declare(metrics: MetricSet, series: DeclaredSeries): void {
  if (series.kind === 'limiter') {
    const { limiter, store } = series;
    declareCalls(metrics, store, ['decide']);
    for (const outcome of decisionOutcomes) metrics.touch('decisions', limiter, store, outcome);
    for (const reason of ['quota', 'blocked', 'capacity']) metrics.touch('denials', limiter, store, reason);
    for (const outcome of ['allowed', 'denied']) metrics.touch('costUnits', limiter, outcome);
    metrics.touch('refundedUnits', limiter);
    if (series.fallback !== undefined) {
      metrics.touch('fallbackActive', limiter, store, series.fallback);
      for (const direction of ['activate', 'recover']) metrics.touch('fallbackTransitions', limiter, direction);
      for (const outcome of ['allowed', 'denied']) metrics.touch('fallbackDecisions', limiter, outcome);
    }
    return;
  }
  const { lock, store } = series;
  declareCalls(metrics, store, ['acquire', 'extend', 'release']);
  for (const outcome of lockAcquireOutcomes) {
    metrics.touch('acquires', lock, store, outcome);
    metrics.touch('acquireWait', lock, store, outcome);
  }
  for (const id of ['contendedAcquires', 'attempts', 'active', 'waiters'] as const) metrics.touch(id, lock, store);
  for (const reason of lostReasons) metrics.touch('lost', lock, store, reason);
  for (const outcome of ['ok', 'lost', 'error']) metrics.touch('extensions', lock, store, outcome);
  for (const outcome of ['released', 'not_owner', 'error']) metrics.touch('releases', lock, store, outcome);
  for (const cause of ['explicit', 'dispose']) {
    metrics.touch('sessionReleasedLocks', lock, store, cause);
    for (const outcome of ['ok', 'error']) metrics.touch('sessionReleases', lock, store, cause, outcome);
  }
}

/** The calls every limiter or lock manager makes, and all the ways in which they can fail. */
function declareCalls(metrics: MetricSet, store: string, operations: readonly string[]): void {
  for (const operation of operations) {
    for (const outcome of ['ok', 'error']) metrics.touch('operationDuration', store, operation, outcome);
    for (const kind of storeErrorKinds) metrics.touch('storeErrors', store, operation, kind);
  }
}
