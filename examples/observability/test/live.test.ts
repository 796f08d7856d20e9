import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { skipReason, startPrometheus, startRedis } from '@headgate/test-servers';
import type { TestServer } from '@headgate/test-servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startInstances } from '../src/instances.js';
import { kitFolder, prometheusConfig } from '../src/prometheus-config.js';
import { expressionsOf, readDashboard } from './dashboard.js';
import { firing, labelValues, metricNames, query, rules } from './prometheus-api.js';
import type { Instances } from '../src/instances.js';

const reason = skipReason('prometheus') ?? skipReason('redis');

/** How long something may take that comes by itself, and how often it is looked for. */
const soon = { timeout: 30_000, interval: 250 };

/** Expressions that return nothing on a healthy orchestrator, and why that is right. */
const emptyWhenHealthy: Readonly<Record<string, string>> = {
  'Waiting for a limit, p95: A': 'the orchestrator refuses and never calls limiter.wait',
  'Store errors by kind: A': 'no store call has failed; the outage below brings it',
  'Clock differences: A': "Redis decides by its own clock; only stores that trust the client's report a difference",
  'Keys removed from memory: A': 'nothing is evicted: the fallback store is empty',
  'Keys in memory: A': 'the fallback store has had no key; the outage below brings it',
  'Exceptions in hooks: A': 'no hook throws',
  HeadgateMemoryCapacityEvictions:
    'nothing is evicted, and a store that refuses keys when full never evicts a live one',
};
/** Those of them that an outage fills. */
const filledByOutage = ['Store errors by kind: A', 'Keys in memory: A'];

describe.skipIf(reason)('a real Prometheus on two orchestrators under load', () => {
  let folder: string;
  let redis: TestServer;
  let instances: Instances;
  let prometheus: TestServer;
  let dashboard: Map<string, string>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'headgate-observability-test-'));
    // The rules as they are, but for how long an alert waits: 1 s each, since a test cannot wait for 5 minutes.
    for (const name of ['recording.yml', 'alerts.yml']) {
      const text = await readFile(`${kitFolder}rules/${name}`, 'utf8');
      await writeFile(join(folder, name), text.replaceAll(/^( +for: ).*$/gm, '$11s'));
    }
    redis = await startRedis();
    const env = { STORE: 'redis', REDIS_URL: redis.url, INSTANCES: '2', PORT: '0', TASKS_PER_SECOND: '5' };
    instances = await startInstances(
      ['first', 'second'].map((INSTANCE) => ({ ...env, INSTANCE, WORK_FOLDER: join(folder, 'files') })),
    );
    const targets = instances.urls.map((url) => new URL(url).host);
    prometheus = await startPrometheus({
      config: await prometheusConfig({ targets, intervalSeconds: 1, rules: folder }),
    });
    // Three scrapes make a rate.
    dashboard = expressionsOf(await readDashboard(), '10s');
  }, 30_000);

  afterAll(async () => {
    await Promise.all([prometheus?.stop(), instances?.stop()]);
    await redis?.stop();
    if (folder) await rm(folder, { recursive: true });
  });

  /** Returns a look for those of the expressions, `excused` ones aside, that have not returned a number in any look so far. */
  function withoutData(expressions: ReadonlyMap<string, string>, excused: readonly string[]): () => Promise<string[]> {
    const missing = new Map([...expressions].filter(([name]) => !excused.includes(name)));
    return async () => {
      for (const [name, expression] of missing) {
        const series = await query(prometheus.url, expression);
        // A label that does not exist can be summed by, in vain.
        const by = (/\bby \(([^)]+)\)/.exec(expression)?.[1] ?? '')
          .split(', ')
          .filter((label) => label && label !== 'le');
        if (series.some(({ labels }) => by.every((label) => label in labels))) missing.delete(name);
      }
      return [...missing.keys()];
    };
  }

  test('scrapes both', { timeout: 40_000 }, async () => {
    await expect.poll(() => query(prometheus.url, 'sum(up)'), soon).toMatchObject([{ value: 2 }]);
  });

  test('every expression of the dashboard has data, or is excused by name', { timeout: 40_000 }, async () => {
    await expect.poll(withoutData(dashboard, Object.keys(emptyWhenHealthy)), soon).toEqual([]);
  });

  test('every rule evaluates, and what each alert compares has data, or is excused by name', {
    timeout: 80_000,
  }, async () => {
    const unhealthy = async (): Promise<unknown> =>
      (await rules(prometheus.url)).filter(({ health }) => health !== 'ok');
    await expect.poll(unhealthy, soon).toEqual([]);
    const loaded = await rules(prometheus.url);
    expect(loaded).toHaveLength(15);
    const compared = loaded.map(({ name, query: expression, type }) => {
      if (type === 'recording') return [name, name] as const;
      const left = /^(.*) > [\d.]+$/s.exec(expression)?.[1];
      if (left === undefined) throw new Error(`Expected ${name} to compare with a number, got ${expression}`);
      return [name, left] as const;
    });
    await expect.poll(withoutData(new Map(compared), Object.keys(emptyWhenHealthy)), soon).toEqual([]);
  });

  test('nobody is excused who does not exist', async () => {
    const known = [...dashboard.keys(), ...(await rules(prometheus.url)).map(({ name }) => name)];
    expect(Object.keys(emptyWhenHealthy).filter((name) => !known.includes(name))).toEqual([]);
  });

  test('no expression names a metric that is not exposed', async () => {
    const exposed = new Set(await metricNames(prometheus.url));
    const loaded = await rules(prometheus.url);
    const recorded = new Set(loaded.map(({ name }) => name));
    const expressions = [...dashboard.values(), ...loaded.map((rule) => rule.query)];
    const named = expressions.flatMap((text) => text.match(/[a-z]+:headgate_[\w:]+|\bheadgate_\w+/g) ?? []);
    const unknown = named.filter((name) => !recorded.has(name) && !exposed.has(name.replace(/_(bucket|count)$/, '')));
    expect(named.length).toBeGreaterThan(40);
    expect(unknown).toEqual([]);
  });

  test('the variables of the dashboard offer what is configured', async () => {
    const variables = (await readDashboard()).templating.list.filter(({ type }) => type === 'query');
    const offered: Record<string, readonly string[]> = {};
    for (const { name, definition } of variables) {
      const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(definition ?? '') ?? [];
      offered[name] = await labelValues(prometheus.url, metric as string, label as string);
    }
    expect(offered).toEqual({ limiter: ['tasks'], lock: ['files', 'instances'], store: ['redis'] });
  });

  test('killing Redis raises the alerts of the fallback and of the store; its return ends the first', {
    timeout: 120_000,
  }, async () => {
    const alerts = ['HeadgateFallbackActive', 'HeadgateStoreErrors'];
    expect((await firing(prometheus.url)).filter((name) => alerts.includes(name))).toEqual([]);
    await redis.kill();
    await expect.poll(() => firing(prometheus.url), soon).toEqual(expect.arrayContaining(alerts));
    await expect.poll(() => query(prometheus.url, 'sum(headgate_fallback_active)'), soon).toMatchObject([{ value: 2 }]);
    const outage = new Map([...dashboard].filter(([name]) => filledByOutage.includes(name)));
    expect(outage.size).toBe(filledByOutage.length);
    await expect.poll(withoutData(outage, []), soon).toEqual([]);
    await redis.restart();
    await expect.poll(() => firing(prometheus.url), soon).not.toContain('HeadgateFallbackActive');
  });
});
