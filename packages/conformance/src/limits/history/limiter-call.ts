/** One `consume` as its caller saw it: when it was sent, when it came back, and with what. */
export interface LimiterCall {
  /** Calls on different keys are checked apart. */
  readonly key: string;
  /** Units asked for, a positive integer. */
  readonly cost: number;
  /** Microseconds by one monotonic clock that all callers share, before the call was made. */
  readonly invokeUs: number;
  /** By the same clock, after it came back; `Infinity` when it never did. */
  readonly returnUs: number;
  /** `unknown`: an error or no reply, so that it may have been charged or not. */
  readonly outcome: 'allowed' | 'denied' | 'unknown';
}

/** A way in which a history cannot be a limiter's. */
export interface LimiterViolation {
  readonly kind: 'overshoot' | 'phantom-denial';
  readonly key: string;
  /** What was seen and what could have been, as a sentence. */
  readonly message: string;
  /** The calls that show it. */
  readonly calls: readonly LimiterCall[];
}
