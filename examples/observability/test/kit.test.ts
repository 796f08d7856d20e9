import { readFile, stat } from 'node:fs/promises';
import { skipReason } from '@headgate/test-servers';
import { describe, expect, test } from 'vitest';
import { kitFolder } from '../src/prometheus-config.js';
import { expressionsOf, readDashboard } from './dashboard.js';
import { promtool } from './promtool.js';

const read = (path: string): Promise<string> => readFile(`${kitFolder}${path}`, 'utf8');
const alertNames = (text: string): string[] => [...text.matchAll(/- alert: (\w+)/g)].map(([, name]) => name as string);

describe.skipIf(skipReason('prometheus'))('promtool', () => {
  test('accepts the configuration and the rules it names', async () => {
    const { code, output } = await promtool('check', 'config', `${kitFolder}prometheus.yml`);
    expect(code, output).toBe(0);
    expect(output).toContain('2 rule files found');
  });

  test('finds nothing to criticise in the rules', async () => {
    const { code, output } = await promtool(
      ...['check', 'rules', '--lint=all', '--lint-fatal'],
      ...['recording', 'alerts'].map((name) => `${kitFolder}rules/${name}.yml`),
    );
    expect(code, output).toBe(0);
  });

  test('passes the unit tests of the rules', async () => {
    const { code, output } = await promtool('test', 'rules', `${kitFolder}rules/alerts.test.yml`);
    expect(code, output).toBe(0);
  });
});

describe('the alerts', () => {
  test('each has a unit test in which it fires', async () => {
    const tests = await read('rules/alerts.test.yml');
    const fired = [...tests.matchAll(/alertname: (\w+)\n +exp_alerts:\n +- exp_labels/g)].map(([, name]) => name);
    expect([...new Set(fired)].sort()).toEqual(alertNames(await read('rules/alerts.yml')).sort());
  });

  test('each has a section in docs/runbooks.md, and its own link to it', async () => {
    const rules = await read('rules/alerts.yml');
    const links = [...rules.matchAll(/runbook: (docs\/runbooks\.md)#(\w+)/g)].map(([, , anchor]) => anchor as string);
    expect(links).toEqual(alertNames(rules).map((name) => name.toLowerCase()));
    const sections = [...(await read('../../docs/runbooks.md')).matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
    expect(sections).toEqual(alertNames(rules));
  });
});

describe('the dashboard', () => {
  test('takes every datum from the data source variable', async () => {
    const { panels, templating } = await readDashboard();
    expect(templating.list.map(({ name }) => name)).toEqual(['datasource', 'limiter', 'lock', 'store']);
    const sources = panels.flatMap(({ datasource, targets = [] }) => [datasource, ...targets.map((t) => t.datasource)]);
    expect(new Set(sources.flatMap((source) => source?.uid ?? []))).toEqual(new Set(['${datasource}']));
  });

  test('has panels with titles and ids of their own, none on top of another', async () => {
    const { panels } = await readDashboard();
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });

  test('shows every metric that docs/metrics.md lists', async () => {
    const listed = [...(await read('../../docs/metrics.md')).matchAll(/^\| `(headgate_\w+)`/gm)].map(
      ([, name]) => name,
    );
    const shown = [...expressionsOf(await readDashboard(), '1m').values()].join(' ');
    expect(listed.length).toBeGreaterThan(20);
    expect(listed.filter((name) => !new RegExp(`\\b${name}(_bucket|_count)?\\b`).test(shown))).toEqual([]);
  });
});

describe('compose.yaml', () => {
  test('mounts nothing but files and folders of this kit, and they exist', async () => {
    const mounts = [...(await read('compose.yaml')).matchAll(/^ +- (\.\S+):\/\S+:ro$/gm)].map(
      ([, path]) => path as string,
    );
    expect(mounts).toEqual(['./prometheus.yml', './rules', './grafana/provisioning', './grafana/headgate.json']);
    for (const path of mounts) await expect(stat(`${kitFolder}${path}`), path).resolves.toBeTruthy();
  });
});
