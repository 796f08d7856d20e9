/** The records of one limiter, by the caller's own key: its hot path need not join strings, nor hash the joined one. */
export interface Space {
  readonly name: string;
  /** What slots refer to the space by. */
  readonly number: number;
  readonly slots: Map<string, number>;
  /** Calls under way and limiters that refer to the space: it stays while there are any, even without records. */
  users: number;
  /** Where the search for the oldest key stands. */
  hand: Iterator<[string, number]> | undefined;
}

/** A record key apart: the name of its space, and the key within it. Undoes `joinKey`, whose names hold no colon. */
export function splitKey(recordKey: string): { readonly name: string; readonly key: string } {
  const colon = recordKey.indexOf(':');
  // Keys without a colon live in a space of their own; no other space has a colon in its name.
  if (colon < 0) return { name: ':', key: recordKey };
  return { name: recordKey.slice(0, colon), key: recordKey.slice(colon + 1) };
}

/** The record key of a key within a space. Undoes `splitKey`. */
export function recordKeyOf(space: Space, key: string): string {
  return space.name === ':' ? key : `${space.name}:${key}`;
}

/** Every space by name, and by a small number that is used again when a space is dropped. */
export class Spaces {
  readonly #byName = new Map<string, Space>();
  readonly #byNumber: (Space | undefined)[] = [];
  readonly #freeNumbers: number[] = [];

  /** The space of that name, made if need be, which stays until `leave`. */
  enter(name: string): Space {
    const space = this.#byName.get(name) ?? this.#make(name);
    space.users++;
    return space;
  }

  leave(space: Space): void {
    space.users--;
    this.dropIfIdle(space);
  }

  at(number: number): Space {
    return this.#byNumber[number] as Space;
  }

  all(): Iterable<Space> {
    return this.#byName.values();
  }

  /** Forgets a space without records or users. */
  dropIfIdle(space: Space): void {
    if (space.users > 0 || space.slots.size > 0) return;
    this.#byName.delete(space.name);
    this.#byNumber[space.number] = undefined;
    this.#freeNumbers.push(space.number);
  }

  #make(name: string): Space {
    const number = this.#freeNumbers.pop() ?? this.#byNumber.length;
    const space: Space = { name, number, slots: new Map(), users: 0, hand: undefined };
    this.#byName.set(name, space);
    this.#byNumber[number] = space;
    return space;
  }
}
