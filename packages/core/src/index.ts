// Limits: what an application uses.
export { createLimiter } from './limits/limiter.js';
export {
  fixedWindow,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from './limits/limit.js';
export type {
  FixedWindowOptions,
  TokenBucketOptions,
  WindowOptions,
} from './limits/limit.js';
export type {
  AllowedDecision,
  BreakerOptions,
  ConsumeOptions,
  Decision,
  DeniedDecision,
  FallbackOptions,
  Limiter,
  LimiterCallOptions,
  LimiterOptions,
  PlainDecision,
  PolicyDetail,
  StoreFailureMode,
  WaitOptions,
} from './limits/api.js';

// Locks: what an application uses.
export { createLocks } from './locks/locks.js';
export { createFencedRegister } from './locks/fenced-register.js';
export type { FencedRegister, FencedRegisterOptions, FencingProof } from './locks/fenced-register.js';
export { memoryFencedState } from './locks/fenced-state.js';
export type { FencedAdmission, FencedState } from './locks/fenced-state.js';
export type {
  AcquireOptions,
  Lock,
  LockGroup,
  Locks,
  LockSession,
  LocksOptions,
  TryAcquireOptions,
  TryAcquireResult,
} from './locks/api.js';

// Errors, hooks, time.
export {
  AcquireTimeoutError,
  ClosedError,
  FencedError,
  HeadgateError,
  InvalidArgumentError,
  LockLostError,
  QueueFullError,
  RecordVersionError,
  StoreContendedError,
  StoreError,
  StoreFullError,
  StoreTimeoutError,
  UnsupportedError,
} from './errors.js';
export type {
  HeadgateErrorCode,
  HolderInfo,
  LockLostReason,
  StoreErrorDetails,
  StoreErrorKind,
} from './errors.js';
export type {
  AcquireEvent,
  ClockSkewEvent,
  DecisionEvent,
  DecisionSource,
  DeclaredSeries,
  ExtendEvent,
  FallbackEvent,
  HookErrorEvent,
  HookEvents,
  Hooks,
  LeaseEndEvent,
  LimiterWaitEvent,
  LockLostEvent,
  RefundEvent,
  ReleaseEvent,
  SessionReleaseEvent,
  StoreCallEvent,
  StoreKeysEvent,
  WaitersEvent,
} from './hooks/events.js';
export { systemClock } from './clock.js';
export { createManualClock } from './manual-clock.js';
export type { ManualClock } from './manual-clock.js';
export type { Clock, ClockTimer } from './clock.js';

// For authors of stores: the contracts and the definition they are held to.
export type {
  DenialReason,
  LimiterAnswer,
  LimiterAnswerNow,
  LimiterCapabilities,
  LimiterDecided,
  LimiterOp,
  LimiterResult,
  LimiterStep,
  LimiterStore,
  LimitReading,
} from './limits/contract.js';
export type {
  FixedWindowLimit,
  Limit,
  LimitKind,
  SlidingLogLimit,
  SlidingWindowLimit,
  TokenBucketLimit,
} from './limits/limit.js';
export type { Algorithm, LimitState } from './limits/algorithm.js';
export { plainAnswer } from './limits/answer.js';
export { decideStep } from './limits/decide.js';
export type { StepOutcome } from './limits/decide.js';
export {
  algorithmOf,
  convertState,
  entryFreshAtUs,
  openState,
  recordFreshAtUs,
  recordVersion,
  sameParameters,
} from './limits/record.js';
export type { LimiterRecord, OpenState, RecordEntry } from './limits/record.js';
export { casLimiterStore } from './limits/cas-store.js';
export type { CasChange, CasEntry, CasLimiterStoreOptions } from './limits/cas-store.js';
export { decodeRecord, encodeRecord } from './limits/record-codec.js';
export { ceilMulDiv, floorMulDiv } from './limits/exact.js';
export type {
  AcquireAllReply,
  AcquireReply,
  AcquireRequest,
  ExtendReply,
  ExtendRequest,
  ForceReleaseReply,
  LeaseRef,
  LockCapabilities,
  LockFilter,
  LockMode,
  LockState,
  LockStore,
  LockStoreListener,
  ReleaseReply,
  ReleaseRequest,
  ReleaseSessionReply,
  StoreCallOptions,
} from './locks/contract.js';
export { checkKey, checkName, joinKey, maxKeyBytes } from './keys.js';
export { durationMs, integerIn, invalid, maxDurationMs, oneOf, optionsObject } from './validate.js';
export type { OptionNames } from './validate.js';
export { Emitter, hookChannelName } from './hooks/emitter.js';
