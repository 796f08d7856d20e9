import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { sleep } from './deadline.js';
import { RunClock } from './run-clock.js';

/** Keeps this thread from running, as a machine that gives its processors to others does. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function work(ms: number): void {
  const untilUs = process.cpuUsage().user + ms * 1000;
  while (process.cpuUsage().user < untilUs);
}

/** What a {@link RunClock} and a clock on the wall say that something took. */
async function took(something: () => void | Promise<void>): Promise<{ ranMs: number; passedMs: number }> {
  const clock = new RunClock();
  const [runMs, wallMs] = [clock.nowMs(), performance.now()];
  await something();
  const passedMs = performance.now() - wallMs;
  const ranMs = clock.nowMs() - runMs;
  clock.stop();
  return { ranMs, passedMs };
}

describe('a clock of the time in which this process runs', () => {
  it('stands still while the process is kept from running', async () => {
    const { ranMs, passedMs } = await took(() => standStill(400));
    assert.ok(passedMs - ranMs > 200, `${ranMs} ms of ${passedMs}`);
  });

  it('goes on while the process works, though its event loop does not turn', async () => {
    const { ranMs } = await took(() => work(200));
    assert.ok(ranMs > 190, `${ranMs} ms of 200`);
  });

  it('goes on while the process waits', async () => {
    const stills: number[] = [];
    // The machine may stand still in any one of these.
    for (let i = 0; i < 10; i++) {
      const { ranMs, passedMs } = await took(() => sleep(100));
      stills.push(passedMs - ranMs);
    }
    assert.ok(Math.min(...stills) < 10, `stood still for ${stills.join(' ')} ms of 100 each`);
  });
});
