/** Times that a connection is looked at within the longest silence. */
const looks = 4;

/**
 * Notices that a server which owes replies says nothing. A reply costs two assignments: a timer for each command, as ioredis has it, was a fifth of
 * what a lone call costs the process. It looks in steps of a quarter of the time, so a stalled event loop is not taken for a silent server.
 */
export class StallWatch {
  readonly #everyMs: number;
  readonly #onStall: () => void;
  #owed = 0;
  #silentLooks = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Calls `onStall` when replies have been owed and none came for `afterMs`, or up to a quarter longer. */
  constructor(afterMs: number, onStall: () => void) {
    this.#everyMs = afterMs / looks;
    this.#onStall = onStall;
  }

  /** A command leaves. */
  sent(): void {
    if (this.#owed++ === 0) this.#silentLooks = 0;
    if (this.#timer === undefined) this.#timer = setTimeout(this.#look, this.#everyMs).unref();
  }

  /** Its reply, or its failure, is here. */
  settled(): void {
    this.#owed--;
    this.#silentLooks = 0;
  }

  readonly #look = (): void => {
    this.#timer = this.#owed === 0 ? undefined : setTimeout(this.#look, this.#everyMs).unref();
    if (this.#owed === 0 || ++this.#silentLooks <= looks) return;
    this.#silentLooks = 0;
    this.#onStall();
  };
}
