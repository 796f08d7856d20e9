import { execFile } from 'node:child_process';
import { requireBinary } from '@headgate/test-servers';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { prometheusHooks } from '../src/index.js';

test('promtool finds nothing to criticise in any metric', async () => {
  const register = new Registry();
  const hooks = prometheusHooks({ register });
  hooks.onDeclare?.({ kind: 'limiter', limiter: 'api', store: 'redis', fallback: 'memory' });
  hooks.onDeclare?.({ kind: 'lock', lock: 'files', store: 'redis' });
  hooks.onStoreCall?.({
    store: 'redis',
    operation: 'decide',
    outcome: 'error',
    durationMs: 3,
    items: 1,
    errorKind: 'timeout',
  });
  hooks.onStoreKeys?.({ store: 'memory', keys: 4, evicted: { reason: 'expired', count: 1 } });
  hooks.onClockSkew?.({ store: 'dynamodb', skewMs: 5000 });
  hooks.onHookError?.({ hook: 'onDecision', error: new Error('made for the test') });
  const promtool = requireBinary('promtool');
  const report = await new Promise<string>((resolve, reject) => {
    const child = execFile(promtool, ['check', 'metrics'], (error, stdout, stderr) => {
      if (error && stderr === '' && stdout === '') reject(error);
      else resolve(`${stdout}${stderr}`);
    });
    void register.metrics().then((text) => child.stdin?.end(text));
  });
  expect(report).toBe('');
});
