import type { OutageReport, Phase } from './demo-outage-report.js';

const headings = ['phase', 'seconds', 'admitted/s', 'limit/s', 'denied/s', 'slowest ms', 'errors', 'decided by'];

/** A report as the terminal shows it. */
export function tableOf(report: OutageReport, limitPerSecond: number): string {
  const { allowance, extra, shares } = report;
  const rows = [headings, ...report.phases.map((phase) => row(phase, limitPerSecond))];
  const widths = headings.map((_, i) => Math.max(...rows.map((cells) => (cells[i] as string).length)));
  const lines = rows.map((cells) =>
    cells
      .map((cell, i) =>
        i === 0 || i === cells.length - 1 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number),
      )
      .join('  ')
      .trimEnd(),
  );
  const bound = allowance + extra.freshStart + extra.inFlight + extra.lateReturn;
  const alone = shares.map(({ admitted, bound: most }) => `${admitted} of ${Math.floor(most)}`).join(', ');
  const errors = Object.entries(report.errors).map(([what, count]) => `${count} x ${what}`);
  return [
    ...lines,
    '',
    `admitted in all      ${report.admitted} of ${Math.floor(bound)}`,
    `                     = ${Math.floor(allowance)} the limit + ${extra.freshStart} fresh fallbacks + ${extra.inFlight} in flight + ${Math.floor(extra.lateReturn)} late returns`,
    `from each fallback   ${alone} (its share)`,
    `slowest call         ${report.slowestMs.toFixed(0)} ms (this process itself was up to ${report.lagMs.toFixed(0)} ms late)`,
    `transitions          ${report.activations} activate, ${report.recoveries} recover`,
    `units reconciled     ${report.reconciledUnits}`,
    `errors               ${errors.length === 0 ? 0 : errors.join('; ')}`,
  ].join('\n');
}

function row(phase: Phase, limitPerSecond: number): string[] {
  const perSecond = (count: number): string => (count / phase.seconds).toFixed(1);
  return [
    phase.name,
    phase.seconds.toFixed(1),
    perSecond(phase.admitted),
    String(limitPerSecond),
    perSecond(phase.denied),
    phase.slowestMs.toFixed(0),
    String(phase.errors),
    Object.entries(phase.sources)
      .map(([source, count]) => `${source} ${count}`)
      .join(', '),
  ];
}
