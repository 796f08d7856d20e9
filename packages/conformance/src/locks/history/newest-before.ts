/** Something with a token, known by the time it returned. */
interface Returned {
  readonly token: number;
  readonly returnMs: number;
}

/** Answers, by binary search, which of `operations` has the highest token among those that had returned before an instant (or just at it, if `inclusive`). */
export function newestBefore<T extends Returned>(
  operations: readonly T[],
  inclusive = false,
): (instantMs: number) => T | undefined {
  const byReturn = [...operations].sort((one, other) => one.returnMs - other.returnMs);
  const newest: T[] = [];
  for (const operation of byReturn) {
    const last = newest.at(-1);
    newest.push(last && last.token > operation.token ? last : operation);
  }
  return (instantMs) => {
    let low = 0;
    let high = byReturn.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { returnMs } = byReturn[middle] as T;
      if (returnMs < instantMs || (inclusive && returnMs === instantMs)) low = middle + 1;
      else high = middle;
    }
    return newest[low - 1];
  };
}
