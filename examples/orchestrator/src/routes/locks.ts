import type { FastifyInstance } from 'fastify';
import type { FileLockManager } from '../file-lock-manager.js';
import { sendProblem } from '../problem.js';
import { normalizePath } from '../work-folder.js';

const sessionParams = {
  type: 'object',
  properties: { session: { type: 'string', minLength: 1, maxLength: 256 } },
  required: ['session'],
} as const;

const lockBody = {
  type: 'object',
  properties: {
    path: { type: 'string' },
    ttlMs: { type: 'integer', minimum: 100, maximum: 3_600_000 },
    waitMs: { type: 'integer', minimum: 0, maximum: 60_000 },
  },
  required: ['path'],
  additionalProperties: false,
} as const;

const pathQuery = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] } as const;

/** `POST`, `DELETE /sessions/:session/locks`, `DELETE /sessions/:session` and `GET /locks`. */
export function lockRoutes(app: FastifyInstance, locks: FileLockManager): void {
  app.post<{ Params: { session: string }; Body: { path: string; ttlMs?: number; waitMs?: number } }>(
    '/sessions/:session/locks',
    { schema: { params: sessionParams, body: lockBody } },
    async (request, reply) => {
      const path = normalizePath(request.body.path);
      const gone = new AbortController();
      // A caller that hangs up while waiting must not be given the lock.
      reply.raw.once('close', () => gone.abort());
      const { ttlMs, waitMs } = request.body;
      const result = await locks.acquireLock(request.params.session, path, { ttlMs, waitMs, signal: gone.signal });
      if (result.acquired) return reply.code(201).send(result.lock);
      return sendProblem(reply, {
        status: 409,
        title: 'Locked',
        detail: `'${path}' is held${result.holder?.sessionId === undefined ? '' : ` by session '${result.holder.sessionId}'`}`,
        holder: result.holder,
        retryAfterMs: result.retryAfterMs,
      });
    },
  );

  app.delete<{ Params: { session: string }; Querystring: { path: string } }>(
    '/sessions/:session/locks',
    { schema: { params: sessionParams, querystring: pathQuery } },
    async (request, reply) => {
      const path = normalizePath(request.query.path);
      if (await locks.releaseLock(request.params.session, path)) return reply.code(204).send();
      return sendProblem(reply, {
        status: 404,
        title: 'Not held',
        detail: `Session '${request.params.session}' holds no lock on '${path}'`,
      });
    },
  );

  app.delete<{ Params: { session: string } }>(
    '/sessions/:session',
    { schema: { params: sessionParams } },
    async (request) => {
      const { released, pending } = await locks.releaseSessionLocks(request.params.session);
      return pending.length === 0 ? { released } : { released, pending };
    },
  );

  app.get('/locks', async () => {
    const list = [];
    for await (const { key, holders, waiting } of locks.list()) list.push({ path: key, waiting, holders });
    return { locks: list };
  });
}
