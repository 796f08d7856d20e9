import { countVerdicts } from './report.js';
import type { ConformanceReport, PropertyResult } from './report.js';

/** Failures for one reason beyond which the rest are counted: a store that cannot be opened fails every property alike. */
const mostAlike = 3;

/** The report as text for a terminal: one line of totals, then what failed, with the claim, and what was skipped and why. */
export function summarize(report: ConformanceReport): string {
  const { pass, fail, skip } = countVerdicts(report.results);
  const lines = [
    `${report.suite} conformance of '${report.store}'${report.version ? ` (${report.version})` : ''}: ` +
      `${pass + fail} ran, ${pass} passed, ${fail} failed, ${skip} skipped; seed ${report.seed}`,
  ];
  const width = Math.max(0, ...report.results.map(({ id }) => id.length));
  const alike = new Map<string, PropertyResult[]>();
  for (const result of report.results) {
    if (result.verdict !== 'fail') continue;
    const reason = firstLine(result.reason ?? '');
    alike.set(reason, [...(alike.get(reason) ?? []), result]);
  }
  for (const [reason, results] of alike) {
    for (const { id, title } of results.slice(0, mostAlike)) {
      lines.push(`  fail  ${id.padEnd(width)}  ${reason}`, `        ${''.padEnd(width)}  claim: ${title}`);
    }
    const more = results.length - mostAlike;
    if (more > 0) lines.push(`  fail  and ${more} more for the same reason`);
  }
  for (const { id, verdict, reason } of report.results)
    if (verdict === 'skip') lines.push(`  skip  ${id.padEnd(width)}  ${firstLine(reason ?? '')}`);
  return lines.join('\n');
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
