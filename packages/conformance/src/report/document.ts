import { cell } from './markdown.js';
import { propertyNames } from './property-names.js';
import { countVerdicts } from './report.js';
import type { ConformanceReport, PropertyResult, Verdict } from './report.js';

const marks: Record<Verdict, string> = { pass: 'yes', fail: '**no**', skip: '-' };
const titles = { limiter: 'Limiter conformance', lock: 'Lock conformance' } as const;

/**
 * Reports as a document to be committed: the runs of a suite beside each other, what was skipped and why, and every property. It leaves
 * out what differs from run to run (date, seed, times, Node version), so that it changes only when a verdict or a claim does.
 */
export function toDocument(reports: readonly ConformanceReport[]): string {
  const sections = (['limiter', 'lock'] as const).flatMap((suite) => {
    const runs = reports
      .filter((report) => report.suite === suite)
      .sort((a, b) => nameOf(a).localeCompare(nameOf(b), 'en'));
    return runs.length > 0 ? [section(titles[suite], runs)] : [];
  });
  return sections.join('\n');
}

/** What was tested. */
function nameOf({ store, version }: ConformanceReport): string {
  return version ?? store;
}

function section(title: string, runs: readonly ConformanceReport[]): string {
  const columns = runs.map((_, i) => String(i + 1));
  const lines = [
    `## ${title}`,
    '',
    '| | Under test | Clock | Hold | Fail | Skipped |',
    '| ---: | --- | --- | ---: | ---: | ---: |',
    ...runs.map((run, i) => {
      const { pass, fail, skip } = countVerdicts(run.results);
      return `| ${columns[i]} | ${cell(nameOf(run))} | ${run.clock} | ${pass} | ${fail} | ${skip} |`;
    }),
    '',
    ...capabilities(runs, columns),
    '',
    ...skips(runs, columns),
    `| Property | Claim | ${columns.join(' | ')} |`,
    `| --- | --- | ${columns.map(() => '---').join(' | ')} |`,
    ...propertiesOf(runs).map(({ id, title: claim }) => {
      const verdicts = runs.map(({ results }) => results.find((result) => result.id === id)?.verdict);
      return `| \`${id}\` | ${cell(claim)} | ${verdicts.map((verdict) => (verdict ? marks[verdict] : '')).join(' | ')} |`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}

/** Every property of any of the runs, once, in the suite's order; what the suite has no more comes first. */
function propertiesOf(runs: readonly ConformanceReport[]): readonly PropertyResult[] {
  const order = propertyNames.map(({ id }) => id);
  const known = new Map(runs.flatMap(({ results }) => results.map((result) => [result.id, result])));
  return [...known.values()].sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
}

function capabilities(runs: readonly ConformanceReport[], columns: readonly string[]): readonly string[] {
  const texts = runs.map((run) =>
    Object.entries(run.capabilities)
      .map(([name, value]) => `\`${name}\` ${String(value)}`)
      .join(', '),
  );
  return [...new Set(texts)].map((text) => {
    const which = columns.filter((_, i) => texts[i] === text);
    return `Capabilities${which.length < runs.length ? ` (${which.join(', ')})` : ''}: ${text}.`;
  });
}

function skips(runs: readonly ConformanceReport[], columns: readonly string[]): readonly string[] {
  const byReason = new Map<string, Map<string, string[]>>();
  for (const [i, { results }] of runs.entries()) {
    for (const { id, verdict, reason = '' } of results) {
      if (verdict !== 'skip') continue;
      const ids = byReason.get(reason) ?? new Map<string, string[]>();
      byReason.set(reason, ids.set(id, [...(ids.get(id) ?? []), columns[i] as string]));
    }
  }
  if (byReason.size === 0) return [];
  const rows = [...byReason].map(([reason, ids]) => {
    const names = [...ids].map(
      ([id, which]) => `\`${id}\`${which.length < runs.length ? ` (${which.join(', ')})` : ''}`,
    );
    return `| ${cell(reason)} | ${names.join(', ')} |`;
  });
  return ['| Skipped because | Properties |', '| --- | --- |', ...rows, ''];
}
