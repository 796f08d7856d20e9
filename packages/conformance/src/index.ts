// The suites.
export { checkLimiterStore, limiterConformance } from './limits/suite.js';
export type { LimiterConformanceOptions, LimiterSuiteOptions } from './limits/suite.js';
export type { LimiterFixture, MovableClock, RawRecord } from './limits/fixture.js';
export { checkLockStore, lockConformance } from './locks/suite.js';
export type { LockConformanceOptions, LockSuiteOptions } from './locks/suite.js';
export type { LockFixture, LockStoreRequest, MovableLockClock } from './locks/fixture.js';
export type { SuiteOptions } from './suite/suite.js';
export type { It, TestApi } from './suite/test-api.js';

// What a store's test hands them.
export type { Medium } from './suite/medium.js';
export type { FaultCounters, FaultName, Faults } from './suite/faults.js';
export { manualClock } from './suite/manual-clock.js';
export type { ManualClock } from './suite/manual-clock.js';
export type { HolderProgram } from './process/holder.js';
export { serveHolder } from './process/serve.js';
export type { HolderMethods } from './process/serve.js';
export { serveLockStore } from './locks/serve-lock-store.js';
export { LockRecorder, machineNowMs } from './locks/history/recorder.js';
export { serveLimiterStore } from './limits/serve-limiter-store.js';

// Judges of what happened, for people's own systems too.
export { checkLimiterHistory } from './limits/history/check-limiter-history.js';
export type { LimiterHistoryOptions } from './limits/history/check-limiter-history.js';
export type { LimiterCall, LimiterViolation } from './limits/history/limiter-call.js';
export { checkLockHistory } from './locks/history/check.js';
export type { LockHistoryOptions } from './locks/history/check.js';
export type {
  LockHistoryRule,
  LockHistoryViolation,
  LockOperation,
  RecordedAcquire,
  RecordedExtend,
  RecordedForce,
  RecordedRelease,
  RecordedWrite,
} from './locks/history/operation.js';

// Reports.
export { mergeReports } from './report/merge.js';
export { toMarkdown } from './report/markdown.js';
export { readReports } from './report/report-file.js';
export { summarize } from './report/summary.js';
export type { ConformanceReport, PropertyResult, StoreIdentity, Verdict } from './report/report.js';
