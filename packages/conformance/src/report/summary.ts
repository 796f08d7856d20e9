import { countVerdicts } from './report.js';
import type { ConformanceReport } from './report.js';

/** The report as text for a terminal: one line of totals, then what failed and what was skipped and why. */
export function summarize(report: ConformanceReport): string {
  const { pass, fail, skip } = countVerdicts(report.results);
  const lines = [
    `${report.suite} conformance of '${report.store}'${report.version ? ` (${report.version})` : ''}: ` +
      `${pass + fail} ran, ${pass} passed, ${fail} failed, ${skip} skipped; seed ${report.seed}`,
  ];
  const width = Math.max(0, ...report.results.map(({ id }) => id.length));
  for (const verdict of ['fail', 'skip'] as const) {
    for (const result of report.results) {
      if (result.verdict !== verdict) continue;
      lines.push(`  ${verdict}  ${result.id.padEnd(width)}  ${firstLine(result.reason ?? '')}`);
    }
  }
  return lines.join('\n');
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
