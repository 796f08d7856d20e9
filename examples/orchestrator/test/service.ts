import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createOrchestrator } from '../src/app.js';
import type { Orchestrator } from '../src/app.js';
import { readConfig } from '../src/config.js';

/** An instance in this process, with a working folder of its own; both end with the test. */
export async function startService(env: NodeJS.ProcessEnv = {}): Promise<Orchestrator & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'orchestrator-test-'));
  const workFolder = env['WORK_FOLDER'] ?? folder;
  const service = await createOrchestrator(readConfig({ PORT: '0', DEMO: '0', WORK_FOLDER: workFolder, ...env }));
  onTestFinished(async () => {
    await service.close();
    await rm(folder, { recursive: true });
    await rm(`${folder}.fences`, { recursive: true, force: true });
  });
  return Object.assign(service, { folder: workFolder });
}

/** Sends a JSON request to an instance without a socket. */
export async function send(
  service: Orchestrator,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{
  readonly status: number;
  readonly type: string;
  readonly headers: Record<string, unknown>;
  readonly body: any;
}> {
  const response = await service.app.inject({
    method,
    url,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const type = String(response.headers['content-type'] ?? '');
  return {
    status: response.statusCode,
    type,
    headers: response.headers as Record<string, unknown>,
    body: type.includes('json') ? response.json() : response.body,
  };
}
