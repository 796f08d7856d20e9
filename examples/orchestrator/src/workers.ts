import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** Options of {@link startWorkers}. */
export interface WorkersOptions {
  /** The instances to talk to; each worker picks one at random for every request. */
  readonly urls: readonly string[];
  readonly workers?: number;
}

const paths = ['src/app.ts', 'src/server.ts', 'docs/guide.md', 'package.json', 'test/app.test.ts'];
const tenants = ['acme', 'globex', 'initech'];

function pick<T>(items: readonly T[]): T {
  return items[randomInt(items.length)] as T;
}

/**
 * Simulated workers that do over HTTP what agents of an orchestrator do: submit tasks, lock a file, edit it with the
 * token they were given, release it; now and then one ends its session with a lock in hand. Returns how to stop them.
 */
export function startWorkers({ urls, workers = 6 }: WorkersOptions): () => Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const running = Array.from({ length: workers }, (_, i) => work(`worker-${i + 1}`, urls, signal));
  return async () => {
    stopping.abort();
    await Promise.all(running);
  };
}

async function work(session: string, urls: readonly string[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await submitTasks(urls, signal);
      await editFile(session, urls, signal);
      await sleep(randomInt(100, 900), undefined, { signal });
    } catch (error) {
      if (signal.aborted) return;
      // An instance that is down or restarting is part of the show; try another one a little later.
      console.error(`${session}: ${error instanceof Error ? error.message : String(error)}`);
      await sleep(1000, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function submitTasks(urls: readonly string[], signal: AbortSignal): Promise<void> {
  const tenant = pick(tenants);
  await Promise.all(
    Array.from({ length: randomInt(1, 30) }, async () => {
      const response = await fetch(`${pick(urls)}/tasks`, { method: 'POST', headers: { 'x-tenant': tenant }, signal });
      await response.arrayBuffer();
    }),
  );
}

async function editFile(session: string, urls: readonly string[], signal: AbortSignal): Promise<void> {
  const path = pick(paths);
  const taken = await send(
    pick(urls),
    'POST',
    `/sessions/${session}/locks`,
    { path, ttlMs: 15_000, waitMs: 3000 },
    signal,
  );
  if (taken.status !== 201) return;
  const { fencingToken } = (await taken.json()) as { fencingToken: number };
  await sleep(randomInt(300, 2500), undefined, { signal });
  const content = `edited by ${session} with token ${fencingToken}\n`;
  await (
    await send(pick(urls), 'PUT', `/files?path=${encodeURIComponent(path)}`, { content, fencingToken }, signal)
  ).arrayBuffer();
  const whole = randomInt(5) === 0;
  const target = whole ? `/sessions/${session}` : `/sessions/${session}/locks?path=${encodeURIComponent(path)}`;
  await (await send(pick(urls), 'DELETE', target, undefined, signal)).arrayBuffer();
}

function send(
  base: string,
  method: string,
  target: string,
  body: object | undefined,
  signal: AbortSignal,
): Promise<Response> {
  return fetch(base + target, {
    method,
    signal,
    ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
  });
}
