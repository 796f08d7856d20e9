/** A set in order of addition that mostly holds nothing or one thing, which then costs no more than a field. */
export class Few<T extends object> {
  #only: T | undefined;
  /** Everything, from the first time that there were two. */
  #all: Set<T> | undefined;

  get size(): number {
    return this.#all?.size ?? (this.#only ? 1 : 0);
  }

  /** What was added before all others. */
  get first(): T | undefined {
    return this.#all ? this.#all.values().next().value : this.#only;
  }

  has(item: T): boolean {
    return this.#all?.has(item) ?? this.#only === item;
  }

  add(item: T): void {
    if (this.#only && this.#only !== item) this.#all ??= new Set([this.#only]);
    if (this.#all) this.#all.add(item);
    else this.#only = item;
  }

  delete(item: T): void {
    this.#all?.delete(item);
    if (this.#only === item) this.#only = undefined;
  }

  [Symbol.iterator](): IterableIterator<T> {
    return (this.#all ?? (this.#only ? [this.#only] : [])).values();
  }
}
