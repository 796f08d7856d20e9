import type { FastifyInstance } from 'fastify';
import type { FencedFiles } from '../fenced-files.js';
import { normalizePath } from '../work-folder.js';

const query = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] } as const;
const body = {
  type: 'object',
  properties: {
    content: { type: 'string' },
    fencingToken: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
  },
  required: ['content', 'fencingToken'],
  additionalProperties: false,
} as const;

/** `PUT /files?path=`: writes a real file for whoever holds the newest token. */
export function fileRoutes(app: FastifyInstance, files: FencedFiles): void {
  app.put<{ Querystring: { path: string }; Body: { content: string; fencingToken: number } }>(
    '/files',
    { schema: { querystring: query, body } },
    async (request) => {
      const path = normalizePath(request.query.path);
      const { content, fencingToken } = request.body;
      await files.write(path, content, fencingToken);
      return { path, bytes: Buffer.byteLength(content), fencingToken };
    },
  );
}
