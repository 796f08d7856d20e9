import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { sendProblem } from '../problem.js';
import { rateLimitHeaders } from '../rate-limit-headers.js';
import type { RateLimiter } from '../rate-limiter.js';

const headers = {
  type: 'object',
  properties: { 'x-tenant': { type: 'string', minLength: 1, maxLength: 256 } },
  required: ['x-tenant'],
} as const;

/** `POST /tasks`: accepts a task, or says when to come back. */
export function taskRoutes(app: FastifyInstance, limiter: RateLimiter): void {
  app.post<{ Headers: { 'x-tenant': string } }>('/tasks', { schema: { headers } }, async (request, reply) => {
    const decision = await limiter.consume(request.headers['x-tenant']);
    reply.headers(rateLimitHeaders(decision));
    if (decision.allowed) return reply.code(202).send({ id: randomUUID(), source: decision.source });
    return sendProblem(reply, {
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      status: 429,
      title: 'Request cannot be satisfied as assigned quota has been exceeded',
      'violated-policies': decision.violated === undefined ? [] : [decision.violated],
      retryAfterMs: decision.retryAfterMs,
      source: decision.source,
    });
  });
}
