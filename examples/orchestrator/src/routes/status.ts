import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { LiveFeed } from '../live-feed.js';
import type { RateLimiter } from '../rate-limiter.js';

const publicFolder = fileURLToPath(new URL('../../public/', import.meta.url));
const chartFolder = dirname(createRequire(import.meta.url).resolve('uplot/package.json'));

/** Everything the page loads: URL, file, content type. */
const pages: readonly (readonly [url: string, file: string, type: string])[] = [
  ['/', join(publicFolder, 'index.html'), 'text/html; charset=utf-8'],
  ['/page.js', join(publicFolder, 'page.js'), 'text/javascript; charset=utf-8'],
  ['/page.css', join(publicFolder, 'page.css'), 'text/css; charset=utf-8'],
  ['/uplot.js', join(chartFolder, 'dist/uPlot.esm.js'), 'text/javascript; charset=utf-8'],
  ['/uplot.css', join(chartFolder, 'dist/uPlot.min.css'), 'text/css; charset=utf-8'],
];

/** `GET /`, `/events`, `/metrics` and `/healthz`. */
export function statusRoutes(
  app: FastifyInstance,
  options: {
    readonly feed: LiveFeed;
    readonly limiter: RateLimiter;
    readonly register: Registry;
    readonly instance: string;
    readonly store: string;
  },
): void {
  const { feed, limiter, register, instance, store } = options;

  for (const [url, file, type] of pages) {
    app.get(url, async (_request, reply) => reply.type(type).send(await readFile(file)));
  }

  app.get('/metrics', async (_request, reply) => reply.type(register.contentType).send(await register.metrics()));

  app.get('/healthz', () => ({ status: 'ok', instance, store, fallback: limiter.fallback.active }));

  app.get('/events', (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const stop = feed.listen((snapshot) => reply.raw.write(`data: ${JSON.stringify(snapshot)}\n\n`));
    reply.raw.once('close', stop);
  });
}
