import { integerIn, invalid } from '@headgate/core';

/** Default for `ttlClassesMs`: 10 s, 1 min, 10 min. */
export const defaultTtlClassesMs: readonly number[] = [10_000, 60_000, 600_000];

/** How long a server may take to end a session that was idle too long, milliseconds; a busy machine included. */
const serverMarginMs = 1_000;

/** The ttls that a server enforces: each is the `idle_session_timeout` of one connection. */
export class TtlClasses {
  readonly #classesMs: readonly number[];

  constructor(classesMs: unknown) {
    if (!Array.isArray(classesMs) || classesMs.length < 1 || classesMs.length > 3) {
      throw invalid('ttlClassesMs', 'an array of 1 to 3 durations in milliseconds', classesMs);
    }
    this.#classesMs = classesMs
      // idle_session_timeout is a 32-bit integer of milliseconds.
      .map((each, i) => integerIn(`ttlClassesMs[${i}]`, each, 100, 2_147_483_647))
      .sort((a, b) => a - b);
  }

  /** The shortest class that does not end a lease of `ttlMs` early. */
  classFor(ttlMs: number): number {
    const found = this.#classesMs.find((each) => each >= ttlMs);
    if (found === undefined) {
      throw invalid('ttlMs', `at most ${this.#longest}, the longest of the store's \`ttlClassesMs\``, ttlMs);
    }
    return found;
  }

  /**
   * Worst case for an abandoned lease: its process stopped right before the lease's end and had last spoken on the connection just then, for another
   * lease's sake; the session then lasts one class longer.
   */
  expirySlackMs(ttlMs: number): number {
    return (this.#classesMs.find((each) => each >= ttlMs) ?? this.#longest) + serverMarginMs;
  }

  get #longest(): number {
    return this.#classesMs.at(-1) as number;
  }
}
