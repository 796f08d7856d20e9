/** Lets calls on one key pass one after another: a process that races itself for an item only pays for requests that fail. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs `work` when the calls on `key` before it have ended, however they ended. */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const turn = this.#last.get(key)?.then(work) ?? work();
    const over = turn.then(
      () => {},
      // Whoever made the call gets its failure; the next in line is not concerned.
      () => {},
    );
    this.#last.set(key, over);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === over) this.#last.delete(key);
    }
  }
}
