import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const core = new URL('../../dist/index.js', import.meta.url);

/** A store that grants everything, so that only the manager can keep the process alive. */
const program = `
import { createLocks } from ${JSON.stringify(core.href)};
let token = 0;
const store = {
  name: 'open', clock: 'client',
  capabilities: { shared: true, permits: true, wake: 'poll', expirySlackMs: () => 0 },
  acquire: async ({ key }) => key.endsWith('taken')
    ? { acquired: false, holders: [], retryAfterMs: 60_000 }
    : { acquired: true, fencingToken: ++token, lastToken: token },
  cancelWait: async () => {}, extend: async (leases) => leases.map(() => ({ extended: true })),
  release: async (leases) => leases.map(() => ({ released: true })),
  inspect: async () => null, list: async function* () {}, releaseSession: async () => {}, forceRelease: async () => {},
};
const locks = createLocks({ name: 'n', store, ttlMs: 60_000 });
const lock = await locks.acquire('a');
process.on('exit', () => process.stdout.write('exit '));
if (process.argv[2] === 'release') await lock.release();
if (process.argv[2] === 'wait') { await lock.release(); void locks.acquire('taken', { waitMs: 60_000 }); }
process.stdout.write('done ');
`;

async function runs(what: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-exit-'));
  try {
    const file = join(folder, 'program.mjs');
    await writeFile(file, program);
    const child = spawn(process.execPath, [file, what], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    const stopped = new Promise<void>((resolve) => {
      child.stdout.on('data', (text: Buffer) => {
        output += text.toString();
        // A process that is kept alive says so by not exiting for a while after it was done.
        if (output.includes('done')) setTimeout(resolve, 500).unref();
      });
    });
    await Promise.race([once(child, 'exit'), stopped]);
    if (child.exitCode === null) child.kill('SIGKILL');
    return output.trim();
  } finally {
    await rm(folder, { recursive: true });
  }
}

it('a held lease keeps its process alive; after its release, or while waiting only, nothing does', async () => {
  expect(await Promise.all(['hold', 'release', 'wait'].map((what) => runs(what)))).toEqual([
    'done',
    'done exit',
    'done exit',
  ]);
});
