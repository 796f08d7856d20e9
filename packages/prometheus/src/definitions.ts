/** One metric as it is registered: `docs/metrics.md` is generated from these. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds in seconds; histograms only. */
  readonly buckets?: readonly number[];
  /** How prom-client's `AggregatorRegistry` joins the values of a Node cluster; gauges only. */
  readonly aggregator?: 'sum' | 'max';
}

/** Id of a metric in {@link metricDefinitions}. */
export type MetricId =
  | 'decisions'
  | 'denials'
  | 'costUnits'
  | 'refundedUnits'
  | 'limiterWait'
  | 'operationDuration'
  | 'storeErrors'
  | 'fallbackActive'
  | 'fallbackTransitions'
  | 'fallbackDecisions'
  | 'acquires'
  | 'acquireWait'
  | 'contendedAcquires'
  | 'attempts'
  | 'hold'
  | 'active'
  | 'waiters'
  | 'lost'
  | 'extensions'
  | 'releases'
  | 'sessionReleases'
  | 'sessionReleasedLocks'
  | 'memoryKeys'
  | 'memoryEvictions'
  | 'clockSkew'
  | 'hookErrors'
  | 'buildInfo';

const operationBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const limiterWaitBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const lockWaitBuckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const holdBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600];

/**
 * Every metric, by a short id. Labels are configured names and closed lists, never keys, sessions or owners.
 */
export const metricDefinitions: Readonly<Record<MetricId, MetricDefinition>> = {
  decisions: {
    name: 'headgate_limiter_decisions_total',
    type: 'counter',
    help: 'Rate limit decisions. error_allowed and error_denied were taken by the failure mode while the store was away; error threw.',
    labels: ['limiter', 'store', 'outcome'],
  },
  denials: {
    name: 'headgate_limiter_denials_total',
    type: 'counter',
    help: 'Denied rate limit decisions by reason: a spent limit, a blocked key, or a cost above the capacity.',
    labels: ['limiter', 'store', 'reason'],
  },
  costUnits: {
    name: 'headgate_limiter_cost_units_total',
    type: 'counter',
    help: 'Units asked for, by outcome.',
    labels: ['limiter', 'outcome'],
  },
  refundedUnits: {
    name: 'headgate_limiter_refunded_units_total',
    type: 'counter',
    help: 'Units given back by refunds.',
    labels: ['limiter'],
  },
  limiterWait: {
    name: 'headgate_limiter_wait_seconds',
    type: 'histogram',
    help: 'Time callers of limiter.wait waited, by outcome.',
    labels: ['limiter', 'outcome'],
    buckets: limiterWaitBuckets,
  },
  operationDuration: {
    name: 'headgate_store_operation_duration_seconds',
    type: 'histogram',
    help: 'Duration of store calls as the process saw them; a batch counts once.',
    labels: ['store', 'operation', 'outcome'],
    buckets: operationBuckets,
  },
  storeErrors: {
    name: 'headgate_store_errors_total',
    type: 'counter',
    help: 'Store calls that failed, by kind of failure.',
    labels: ['store', 'operation', 'kind'],
  },
  fallbackActive: {
    name: 'headgate_fallback_active',
    type: 'gauge',
    help: '1 while a limiter decides without its store.',
    labels: ['limiter', 'from', 'to'],
    aggregator: 'max',
  },
  fallbackTransitions: {
    name: 'headgate_fallback_transitions_total',
    type: 'counter',
    help: 'Times a limiter went over to its fallback or failure mode (activate) and came back (recover).',
    labels: ['limiter', 'direction'],
  },
  fallbackDecisions: {
    name: 'headgate_fallback_decisions_total',
    type: 'counter',
    help: 'Decisions taken by the fallback store.',
    labels: ['limiter', 'outcome'],
  },
  acquires: {
    name: 'headgate_lock_acquires_total',
    type: 'counter',
    help: 'Lock acquires by outcome: acquired, busy (refused without waiting), timeout, aborted, error.',
    labels: ['lock', 'store', 'outcome'],
  },
  acquireWait: {
    name: 'headgate_lock_acquire_wait_seconds',
    type: 'histogram',
    help: 'Time from asking for a lock to its outcome, failed acquires included.',
    labels: ['lock', 'store', 'outcome'],
    buckets: lockWaitBuckets,
  },
  contendedAcquires: {
    name: 'headgate_lock_contended_acquires_total',
    type: 'counter',
    help: 'Acquires that were not granted at their first attempt.',
    labels: ['lock', 'store'],
  },
  attempts: {
    name: 'headgate_lock_attempts_total',
    type: 'counter',
    help: 'Attempts made at the store by acquires; divide by acquires for the retry factor.',
    labels: ['lock', 'store'],
  },
  hold: {
    name: 'headgate_lock_hold_seconds',
    type: 'histogram',
    help: 'Time leases were held, by how they ended.',
    labels: ['lock', 'store', 'ended'],
    buckets: holdBuckets,
  },
  active: {
    name: 'headgate_lock_active',
    type: 'gauge',
    help: 'Leases held through this process.',
    labels: ['lock', 'store'],
    aggregator: 'sum',
  },
  waiters: {
    name: 'headgate_lock_waiters',
    type: 'gauge',
    help: 'Acquires waiting in this process.',
    labels: ['lock', 'store'],
    aggregator: 'sum',
  },
  lost: {
    name: 'headgate_lock_lost_total',
    type: 'counter',
    help: 'Leases that ended without their holder releasing them, by reason.',
    labels: ['lock', 'store', 'reason'],
  },
  extensions: {
    name: 'headgate_lock_extensions_total',
    type: 'counter',
    help: 'Extensions of leases, by hand or by renewal.',
    labels: ['lock', 'store', 'outcome'],
  },
  releases: {
    name: 'headgate_lock_releases_total',
    type: 'counter',
    help: 'Releases that holders asked for; not_owner came after the lease had gone.',
    labels: ['lock', 'store', 'outcome'],
  },
  sessionReleases: {
    name: 'headgate_session_releases_total',
    type: 'counter',
    help: 'Session releases.',
    labels: ['lock', 'store', 'cause', 'outcome'],
  },
  sessionReleasedLocks: {
    name: 'headgate_session_released_locks_total',
    type: 'counter',
    help: 'Locks freed by session releases.',
    labels: ['lock', 'store', 'cause'],
  },
  memoryKeys: {
    name: 'headgate_memory_keys',
    type: 'gauge',
    help: 'Keys held by an in-process store.',
    labels: ['store'],
    aggregator: 'sum',
  },
  memoryEvictions: {
    name: 'headgate_memory_evictions_total',
    type: 'counter',
    help: 'Keys an in-process store removed: expired (equal to fresh) or capacity (the oldest live one, by option).',
    labels: ['store', 'reason'],
  },
  clockSkew: {
    name: 'headgate_store_clock_skew_seconds',
    type: 'gauge',
    help: 'Last clock difference seen that exceeded the stated bound.',
    labels: ['store'],
    aggregator: 'max',
  },
  hookErrors: {
    name: 'headgate_metrics_hook_errors_total',
    type: 'counter',
    help: 'Exceptions thrown by hooks, caught and counted.',
    labels: ['hook'],
  },
  buildInfo: {
    name: 'headgate_build_info',
    type: 'gauge',
    help: 'Always 1; carries the version of this package.',
    labels: ['package', 'version'],
    aggregator: 'max',
  },
};
