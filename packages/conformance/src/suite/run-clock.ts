/** How often a {@link RunClock} looks whether the event loop turns, milliseconds. */
const tickMs = 10;
/** A turn may come this late without the machine being at fault, milliseconds. */
const graceMs = 20;

/**
 * A clock that stands still while the machine keeps this process from running: when its processors were given to others, or the whole
 * machine was paused. What it measures may have an upper bound that holds on any machine. Time in which the process worked counts, also
 * when that kept its event loop from turning.
 */
export class RunClock {
  #lookedMs = performance.now();
  #workedUs = workedUs();
  #stoodStillMs = 0;
  readonly #timer = setInterval(() => this.#look(), tickMs).unref();

  /** Milliseconds, with decimals, from an arbitrary start. */
  nowMs(): number {
    this.#look();
    return this.#lookedMs - this.#stoodStillMs;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const [nowMs, nowWorkedUs] = [performance.now(), workedUs()];
    const idleMs = nowMs - this.#lookedMs - (nowWorkedUs - this.#workedUs) / 1000;
    this.#stoodStillMs += Math.max(0, idleMs - tickMs - graceMs);
    this.#lookedMs = nowMs;
    this.#workedUs = nowWorkedUs;
  }
}

function workedUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
