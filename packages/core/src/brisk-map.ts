/**
 * A map for entries that come and go fast. V8 links each table that a `Map` outgrew to the next one, so once a table was promoted to the old
 * generation, all tables after it and whatever they held are promoted too, and only a full collection frees them. Beginning anew every so often
 * breaks that chain; it costs about what the map's own rehashing does.
 */
export class BriskMap<K, V> {
  #map = new Map<K, V>();
  #added = 0;

  get size(): number {
    return this.#map.size;
  }

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  set(key: K, value: V): void {
    if (++this.#added > fewestAdded && this.#added > 2 * this.#map.size) {
      this.#map = new Map(this.#map);
      this.#added = 0;
    }
    this.#map.set(key, value);
  }

  delete(key: K): void {
    this.#map.delete(key);
  }

  values(): IterableIterator<V> {
    return this.#map.values();
  }
}

const fewestAdded = 256;
