import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { skipReason, spawnNode, until } from '../src/index.js';
import { listedPids, running } from './processes.js';

const program = (name: string): string => fileURLToPath(new URL(`programs/${name}`, import.meta.url));

describe('a spawned Node.js process', () => {
  it('gets its arguments and environment, and exchanges messages in order', async () => {
    await using child = await spawnNode(program('echo.mjs'), ['a', 'b'], { env: { GREETING: 'hi' } });
    expect(await child.next()).toEqual({ args: ['a', 'b'], greeting: 'hi' });
    child.send(1);
    child.send({ two: 'line\nbreak' });
    expect([await child.next(), await child.next()]).toEqual([{ echo: 1 }, { echo: { two: 'line\nbreak' } }]);
  });

  it('says nothing while it is paused, and goes on where it was', async () => {
    await using child = await spawnNode(program('echo.mjs'));
    await child.next();
    child.pause();
    child.send('late');
    await expect(child.next({ timeoutMs: 100 })).rejects.toThrow('said nothing within 100 ms');
    child.resume();
    expect(await child.next()).toEqual({ echo: 'late' });
  });

  it('rejects a question whose process has failed, with what it wrote to stderr', async () => {
    await using child = await spawnNode(program('echo.mjs'));
    await child.next();
    child.send('fail');
    await expect(child.next()).rejects.toThrow('told to fail');
    expect(await child.exited).toEqual({ code: 1, signal: null });
  });

  it('is gone after kill, also when it was paused', async () => {
    const child = await spawnNode(program('echo.mjs'));
    child.pause();
    await child.kill();
    await child.kill(); // harmless
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(running([child.pid])).toEqual([]);
    expect(listedPids()).not.toContain(child.pid);
  });
});

describe.skipIf(skipReason('redis') !== undefined)('a server whose starter ends without stopping it', () => {
  for (const how of ['exits', 'gets SIGTERM', 'gets SIGKILL'] as const) {
    it(`ends with a starter that ${how}`, async () => {
      const child = await spawnNode(program('starts-redis.mjs'));
      const { pids } = await child.next<{ pids: number[] }>();
      expect(running(pids)).toEqual(pids);
      if (how === 'exits') child.send('end');
      else await child.kill(how === 'gets SIGTERM' ? 'SIGTERM' : 'SIGKILL');
      await child.exited;
      await until(() => running(pids).length === 0, { timeoutMs: 5_000, what: 'the server to end with its starter' });
    });
  }
});
