import { countVerdicts } from './report.js';
import type { ConformanceReport, PropertyResult } from './report.js';

const marks = { pass: 'yes', fail: '**no**', skip: 'skipped' } as const;

/** The report as Markdown for a README: what was tested, the totals, and a table of every property. */
export function toMarkdown(report: ConformanceReport): string {
  const { pass, fail, skip } = countVerdicts(report.results);
  const capabilities = Object.entries(report.capabilities).map(([name, value]) => `\`${name}\` ${String(value)}`);
  const lines = [
    `### ${report.store}: ${report.suite} conformance`,
    '',
    `${report.version ?? report.store}, @headgate/conformance ${report.conformance}, Node ${report.node}, ` +
      `${report.startedAt.slice(0, 10)}, seed ${report.seed}: **${pass} of ${pass + fail} properties hold**, ${skip} skipped.`,
    '',
    `Clock: ${report.clock}. Capabilities: ${capabilities.join(', ') || 'none declared'}.`,
    '',
    '| Property | Claim | Holds | Time |',
    '| --- | --- | --- | ---: |',
    ...report.results.map(row),
  ];
  return `${lines.join('\n')}\n`;
}

function row({ id, title, verdict, reason, timeMs }: PropertyResult): string {
  const holds = reason === undefined ? marks[verdict] : `${marks[verdict]}: ${cell(reason)}`;
  return `| \`${id}\` | ${cell(title)} | ${holds} | ${verdict === 'skip' ? '' : `${timeMs.toFixed(0)} ms`} |`;
}

/** The first line of a text, for a cell of a table. */
export function cell(text: string): string {
  const line = (text.split('\n', 1)[0] ?? '').replaceAll('|', String.raw`\|`);
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}
