/**
 * Numbers the slots of a table and keeps those in use ordered by the time each falls due: a binary min-heap in typed arrays, 16
 * bytes a slot. `order` is always a permutation of all slots (the heap first, the free ones behind it), so it is the free list too.
 */
export class SlotHeap {
  /** Slots in use. */
  size = 0;
  capacity = 0;
  #order: Int32Array = new Int32Array(0);
  #place: Int32Array = new Int32Array(0);
  #dueUs: Float64Array = new Float64Array(0);

  /** Adds free slots; `capacity` must not be below the present one. */
  grow(capacity: number): void {
    const order = new Int32Array(capacity);
    const place = new Int32Array(capacity);
    const dueUs = new Float64Array(capacity);
    order.set(this.#order);
    place.set(this.#place);
    dueUs.set(this.#dueUs);
    for (let slot = this.capacity; slot < capacity; slot++) {
      order[slot] = slot;
      place[slot] = slot;
    }
    this.#order = order;
    this.#place = place;
    this.#dueUs = dueUs;
    this.capacity = capacity;
  }

  /** Frees every slot and gives the memory back. */
  clear(): void {
    this.size = 0;
    this.capacity = 0;
    this.#order = new Int32Array(0);
    this.#place = new Int32Array(0);
    this.#dueUs = new Float64Array(0);
  }

  /** Takes a free slot that falls due at `dueUs`; there must be one (`size < capacity`). */
  take(dueUs: number): number {
    const index = this.size++;
    const slot = this.#order[index] as number;
    this.#dueUs[slot] = dueUs;
    this.#rise(index);
    return slot;
  }

  /** Frees a slot in use. */
  free(slot: number): void {
    const index = this.#place[slot] as number;
    const last = --this.size;
    const moved = this.#order[last] as number;
    this.#put(last, slot);
    if (index === last) return;
    this.#put(index, moved);
    this.#sink(this.#rise(index));
  }

  /** Changes when a slot in use falls due. */
  setDue(slot: number, dueUs: number): void {
    if (this.#dueUs[slot] === dueUs) return;
    this.#dueUs[slot] = dueUs;
    this.#sink(this.#rise(this.#place[slot] as number));
  }

  /** The slot that falls due first, or -1 when none is in use. */
  first(): number {
    return this.size === 0 ? -1 : (this.#order[0] as number);
  }

  dueUs(slot: number): number {
    return this.#dueUs[slot] as number;
  }

  #put(index: number, slot: number): void {
    this.#order[index] = slot;
    this.#place[slot] = index;
  }

  #rise(from: number): number {
    const slot = this.#order[from] as number;
    const due = this.#dueUs[slot] as number;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.#order[parent] as number;
      if ((this.#dueUs[above] as number) <= due) break;
      this.#put(index, above);
      index = parent;
    }
    this.#put(index, slot);
    return index;
  }

  #sink(from: number): void {
    const slot = this.#order[from] as number;
    const due = this.#dueUs[slot] as number;
    let index = from;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.size) break;
      const right = child + 1;
      if (right < this.size && this.#dueOf(right) < this.#dueOf(child)) child = right;
      if (this.#dueOf(child) >= due) break;
      this.#put(index, this.#order[child] as number);
      index = child;
    }
    this.#put(index, slot);
  }

  #dueOf(index: number): number {
    return this.#dueUs[this.#order[index] as number] as number;
  }
}
