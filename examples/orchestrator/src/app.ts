import { HeadgateError, InvalidArgumentError, StoreError } from '@headgate/core';
import { prometheusHooks } from '@headgate/prometheus';
import fastify from 'fastify';
import type { FastifyError, FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Config } from './config.js';
import { FencedFiles } from './fenced-files.js';
import { fileFencedState } from './file-fenced-state.js';
import { FileLockManager } from './file-lock-manager.js';
import { Instances } from './instances.js';
import { LiveFeed } from './live-feed.js';
import { ProblemError, sendProblem } from './problem.js';
import { RateLimiter } from './rate-limiter.js';
import { adminRoutes } from './routes/admin.js';
import { fileRoutes } from './routes/files.js';
import { lockRoutes } from './routes/locks.js';
import { statusRoutes } from './routes/status.js';
import { taskRoutes } from './routes/tasks.js';
import { openStores } from './stores.js';
import { WorkFolder } from './work-folder.js';

/** One running instance of the service. */
export interface Orchestrator {
  readonly app: FastifyInstance;
  /** Where it listens, after `listen`. */
  readonly url: string;
  listen(): Promise<string>;
  close(): Promise<void>;
}

/** Puts an instance together; nothing listens yet. */
export async function createOrchestrator(config: Config): Promise<Orchestrator> {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const hooks = prometheusHooks({ register });
  const stores = await openStores(config, hooks);
  const { limiterStore, lockStore } = stores;
  const { tasksPerSecond, tasksPerMinute } = config;

  const limiter = new RateLimiter({
    store: limiterStore,
    hooks,
    tasksPerSecond,
    tasksPerMinute,
    instances: config.instances,
    timeoutMs: config.storeTimeoutMs,
  });
  const locks = new FileLockManager({ store: lockStore, hooks, ttlMs: config.lockTtlMs, ownerId: config.instance });
  const instances = new Instances({ store: lockStore, hooks, name: config.instance });
  const folder = await WorkFolder.open(config.workFolder);
  const files = new FencedFiles({ folder, register: locks.fence(fileFencedState(`${config.workFolder}.fences`)) });
  let url = '';
  const feed = new LiveFeed({
    instance: config.instance,
    store: config.store,
    url: () => url,
    limiter,
    locks,
    instances,
    adminEnabled: config.adminToken !== undefined,
  });

  const app = fastify({
    // A number sent as text is a wrong type, not a number; an unknown member is refused, not dropped.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    bodyLimit: 1024 * 1024,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 1024 },
  });
  app.setErrorHandler((error: FastifyError, _request, reply) => answerError(error, reply));
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, { status: 404, title: 'Not found', detail: `There is no ${request.method} ${request.url}` }),
  );
  lockRoutes(app, locks);
  fileRoutes(app, files);
  taskRoutes(app, limiter);
  statusRoutes(app, { feed, limiter, register, instance: config.instance, store: config.store });
  adminRoutes(app, locks, config.adminToken);

  return {
    app,
    get url() {
      return url;
    },
    async listen() {
      url = await app.listen({ host: '127.0.0.1', port: config.port });
      // The page of any instance shows all of them; while the store is away the page's own look announces this one later.
      await instances.announce(url).catch((error: unknown) => {
        if (!(error instanceof StoreError)) throw error;
        console.error(`${error.message}; not announced yet`);
      });
      return url;
    },
    async close() {
      feed.close();
      await app.close();
      const ended = await Promise.allSettled([limiter.close(), locks.close(), instances.close()]);
      await stores.close();
      for (const outcome of ended) {
        if (outcome.status === 'fulfilled') continue;
        if (!(outcome.reason instanceof StoreError)) throw outcome.reason;
        console.error(`${outcome.reason.message}; what was held is free when its lease ends`);
      }
    },
  };
}

function answerError(error: FastifyError, reply: Parameters<typeof sendProblem>[0]): unknown {
  if (error instanceof ProblemError) return sendProblem(reply, error.problem);
  if (error instanceof InvalidArgumentError)
    return sendProblem(reply, { status: 400, title: 'Bad request', detail: error.message });
  if (error instanceof StoreError) {
    reply.header('Retry-After', '1');
    return sendProblem(reply, {
      status: 503,
      title: 'The lock store is away',
      detail: error.message,
      code: error.code,
    });
  }
  if (error instanceof HeadgateError)
    return sendProblem(reply, { status: 500, title: 'Failed', detail: error.message, code: error.code });
  // The caller hung up while it waited: nobody reads the answer, and nothing failed here.
  if (error.name === 'AbortError') return sendProblem(reply, { status: 499, title: 'Client closed request' });
  const status = error.statusCode ?? 500;
  if (status < 500)
    return sendProblem(reply, { status, title: 'Bad request', detail: error.message, code: error.code });
  console.error(error);
  return sendProblem(reply, { status: 500, title: 'Internal error' });
}
