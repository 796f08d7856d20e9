/** When an operation took place: at some instant from when it was sent until its answer came, milliseconds of one monotonic clock. */
export interface When {
  readonly sentMs: number;
  readonly returnedMs: number;
}

/** What is known of the life of a lease or of a place in the queue: it lives at least so long, and is over at the latest then. */
export interface Life {
  sureUntilMs: number;
  overFromMs: number;
}

/** The life that a call gave with `ttlMs`, ended by the store at most `slackMs` late. */
export function lifeFrom(when: When, ttlMs: number, slackMs: number): Life {
  return { sureUntilMs: when.sentMs + ttlMs, overFromMs: when.returnedMs + ttlMs + slackMs };
}

/** Whether it certainly lived throughout `when`. */
export function surelyAlive(life: Life, when: When): boolean {
  return when.returnedMs < life.sureUntilMs;
}

/** Whether it was certainly over before `when`. */
export function surelyOver(life: Life, when: When): boolean {
  return when.sentMs >= life.overFromMs;
}

/** Makes it uncertain from now on whether it lives. */
export function doubt(life: Life): void {
  life.sureUntilMs = Number.NEGATIVE_INFINITY;
}
