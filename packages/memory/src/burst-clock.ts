/** Reads of one and the same millisecond after which a burst is under way. */
const readsOfABurst = 256;
/** Calls in a burst that share a read. */
const callsPerRead = 16;

/**
 * The system's wall clock for a store that is asked millions of times a second, where reading it would cost as much as deciding. Only during a burst (256 reads
 * that showed the same millisecond) up to 16 calls share a read, and never beyond the present turn of the event loop: whoever was away for a moment gets a new
 * one. What is shared is behind, never ahead: by microseconds, or by the work a caller did in the same turn between two of those calls. A charge dated so much too
 * early lets a bucket that was all but full refill so much too early; what promises more (a sliding log, a new record) is dated by a read of its own.
 */
export class BurstClock {
  #nowUs = 0;
  #sameReads = 0;
  #shared = 0;
  #armed = false;

  nowUs(): number {
    if (this.#shared === 0) return this.#read();
    this.#shared -= 1;
    return this.#nowUs;
  }

  #read(): number {
    const nowUs = Date.now() * 1000;
    if (nowUs !== this.#nowUs) {
      this.#nowUs = nowUs;
      this.#sameReads = 0;
    } else if (++this.#sameReads >= readsOfABurst) {
      this.#share();
    }
    return nowUs;
  }

  #share(): void {
    this.#shared = callsPerRead - 1;
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(() => {
      this.#armed = false;
      this.#shared = 0;
      this.#sameReads = 0;
    }).unref();
  }
}
