import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPrometheus, startRedis } from '@headgate/test-servers';
import { startInstances } from './instances.js';
import { prometheusConfig } from './prometheus-config.js';

/*
 * Everything of compose.yaml but Grafana, without Docker: Redis, three orchestrators under load, and a Prometheus with this example's rules. Runs until Ctrl-C,
 * and leaves nothing behind. `kill` of the Redis whose pid is printed raises HeadgateFallbackActive after its five minutes.
 */
const stopped = new Promise<void>((resolve) => {
  // `on`, not `once`: a second signal must not cut the cleaning up short.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
});
const redis = await startRedis();
const folder = await mkdtemp(join(tmpdir(), 'headgate-observability-'));
const instances = await startInstances(
  [3000, 3001, 3002].map((port, i) => ({
    STORE: 'redis',
    REDIS_URL: redis.url,
    INSTANCES: '3',
    INSTANCE: `instance-${i + 1}`,
    PORT: String(port),
    WORK_FOLDER: folder,
  })),
);
const targets = instances.urls.map((url) => new URL(url).host);
const prometheus = await startPrometheus({ config: await prometheusConfig({ targets, intervalSeconds: 5 }) });

console.log(`Prometheus    ${prometheus.url}/alerts and ${prometheus.url}/graph`);
console.log(`instances     ${instances.urls.join(' ')}`);
console.log(`Redis         ${redis.url} (pid ${redis.pids[0]})`);
console.log('Grafana of your own: add this Prometheus as a data source and import grafana/headgate.json.');

await stopped;
await prometheus.stop();
await instances.stop();
await redis.stop();
await rm(folder, { recursive: true, force: true });
await rm(`${folder}.fences`, { recursive: true, force: true });
