import { expect, test } from 'vitest';
import { metricDefinitions } from '../src/index.js';

/** `docs/metrics.md`, written from the definitions: `npx vitest run --update` in this package renews it. */
function page(): string {
  const lines = [
    '# Metrics',
    '',
    'What `@headgate/prometheus` registers, generated from its definitions. Labels are configured names (`limiter`, `lock`,',
    '`store`) and closed lists; keys, owners and sessions are never labels. Durations are taken from the monotonic clock.',
    'Counters and gauges whose labels are known when a limiter or lock manager is made start at 0.',
    '',
    '| name | type | labels | meaning |',
    '| --- | --- | --- | --- |',
  ];
  for (const { name, type, labels, help } of Object.values(metricDefinitions)) {
    lines.push(`| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`);
  }
  lines.push('', '## Buckets of the histograms (seconds)', '');
  for (const { name, buckets } of Object.values(metricDefinitions)) {
    if (buckets) lines.push(`- \`${name}\`: ${buckets.join(', ')}`);
  }
  lines.push(
    '',
    '## Joining a Node cluster',
    '',
    "prom-client's `AggregatorRegistry` joins these gauges as stated:",
    '',
  );
  for (const { name, aggregator } of Object.values(metricDefinitions)) {
    if (aggregator) lines.push(`- \`${name}\`: ${aggregator}`);
  }
  return `${lines.join('\n')}\n`;
}

test('docs/metrics.md lists exactly the metrics that are registered', async () => {
  await expect(page()).toMatchFileSnapshot('../../../docs/metrics.md');
});
