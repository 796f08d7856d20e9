import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'vitest';
import { StallWatch } from './stall-watch.js';

describe('a watch for silent servers', () => {
  it('calls when a reply is owed and none comes, and not before its time', async () => {
    const began = performance.now();
    const stalledAfterMs = await new Promise<number>((resolve) => {
      const watch = new StallWatch(100, () => {
        watch.settled();
        resolve(performance.now() - began);
      });
      watch.sent();
    });
    assert.ok(stalledAfterMs >= 99, `${stalledAfterMs} ms`);
  });

  it('stays quiet while replies come, when none is owed, and when the event loop stood still', async () => {
    let stalls = 0;
    const watch = new StallWatch(200, () => stalls++);
    watch.sent();
    for (let i = 0; i < 10; i++) {
      watch.sent();
      await sleep(30);
      watch.settled();
    }
    const until = performance.now() + 400;
    while (performance.now() < until);
    watch.settled();
    await sleep(300);
    assert.equal(stalls, 0);
  });
});
