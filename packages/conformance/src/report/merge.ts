import type { ConformanceReport, PropertyResult, Verdict } from './report.js';

const rank: Record<Verdict, number> = { fail: 2, pass: 1, skip: 0 };

/**
 * Joins reports of the same suite and store, for stores whose fault properties run apart from the rest: of each property the worst
 * outcome that ran counts, and a skip only where no run held the store to it. Other reports stay as they are, in order.
 */
export function mergeReports(reports: readonly ConformanceReport[]): readonly ConformanceReport[] {
  const merged = new Map<string, ConformanceReport>();
  for (const report of reports) {
    const id = `${report.suite}\n${report.store}\n${report.version ?? ''}`;
    const earlier = merged.get(id);
    merged.set(id, earlier ? { ...earlier, results: mergeResults(earlier.results, report.results) } : report);
  }
  return [...merged.values()];
}

/** Of two skips the one with a reason in the store counts, not the one for want of a hook in that run; else the order of runs must not tell. */
function outranks(result: PropertyResult, known: PropertyResult): boolean {
  const difference = rank[result.verdict] - rank[known.verdict];
  if (difference !== 0 || result.verdict !== 'skip') return difference > 0;
  return reasonOrder(result) < reasonOrder(known);
}

function reasonOrder({ reason = '' }: PropertyResult): string {
  return `${/^(needs the fault hook|the fixture gives)/.test(reason) ? 1 : 0} ${reason}`;
}

function mergeResults(first: readonly PropertyResult[], second: readonly PropertyResult[]): readonly PropertyResult[] {
  const rows = new Map(first.map((result) => [result.id, result]));
  for (const result of second) {
    const known = rows.get(result.id);
    if (!known || outranks(result, known)) rows.set(result.id, result);
  }
  return [...rows.values()];
}
