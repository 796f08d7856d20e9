import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { FileLockManager } from '../file-lock-manager.js';
import { sendProblem } from '../problem.js';
import { normalizePath } from '../work-folder.js';

const body = {
  type: 'object',
  properties: { path: { type: 'string' } },
  required: ['path'],
  additionalProperties: false,
} as const;

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** `POST /admin/locks/release`: evicts whoever holds a path. Off unless a token is configured. */
export function adminRoutes(app: FastifyInstance, locks: FileLockManager, token: string | undefined): void {
  app.post<{ Body: { path: string } }>('/admin/locks/release', { schema: { body } }, async (request, reply) => {
    if (token === undefined)
      return sendProblem(reply, { status: 404, title: 'Off', detail: 'Set ADMIN_TOKEN to allow forced releases' });
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    // Digests have one length, so the comparison tells nothing of the token's.
    if (!timingSafeEqual(digest(given), digest(token))) {
      return sendProblem(reply.header('WWW-Authenticate', 'Bearer'), {
        status: 401,
        title: 'Unauthorized',
        detail: 'Expected the bearer token that ADMIN_TOKEN holds',
      });
    }
    const path = normalizePath(request.body.path);
    const evicted = await locks.forceRelease(path);
    if (evicted.length === 0)
      return sendProblem(reply, { status: 404, title: 'Not held', detail: `Nobody holds '${path}'` });
    return { path, evicted };
  });
}
