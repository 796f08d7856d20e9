import assert from 'node:assert/strict';
import { createManualClock } from '@headgate/core';
import { describe, it } from 'vitest';
import { ServiceClock } from './service-clock.js';
import type { ClockSkewEvent, ManualClock } from '@headgate/core';

const startUs = Date.UTC(2026, 0, 1) * 1000;

/** A process whose clock is off by `offMs`, and a service that answers in 10 ms. */
function process(offMs: number, maxSkewMs = 1_000) {
  const clock = createManualClock({ nowUs: startUs + offMs * 1000 });
  const events: ClockSkewEvent[] = [];
  const corrected = new ServiceClock({
    store: 'dynamodb',
    clock,
    maxSkewMs,
    hooks: { onClockSkew: (event) => void events.push(event) },
  });
  let off = offMs;
  const trueMs = (): number => clock.nowUs() / 1000 - off;
  return {
    corrected,
    events,
    errorMs: (): number => corrected.nowUs() / 1000 - trueMs(),
    /** One request, `afterMs` after the last. */
    async request(afterMs: number): Promise<void> {
      await clock.advance(afterMs);
      const sentUs = corrected.ownUs();
      await clock.advance(5);
      const date = new Date(trueMs()).toUTCString();
      await clock.advance(5);
      corrected.observe(date, sentUs);
    },
    /** Somebody sets the process's clock. */
    set: (ms: number, on: ManualClock = clock): void => {
      on.setNowUs(on.nowUs() + (ms - off) * 1000);
      off = ms;
    },
  };
}

describe('the clock corrected by Date headers', () => {
  it('is within a second after one reply, however wrong the process is, and closer with each more', async () => {
    for (const offMs of [3_600_000, -3_600_000, 7_000, -1_500]) {
      const { request, errorMs } = process(offMs);
      await request(321);
      assert.ok(Math.abs(errorMs()) <= 1_010, `${errorMs()} ms off after one reply`);
      for (let i = 0; i < 30; i++) await request(337);
      assert.ok(Math.abs(errorMs()) <= 60, `${errorMs()} ms off after thirty more`);
    }
  });

  it('leaves a clock alone that the replies do not contradict', async () => {
    const { request, errorMs, events } = process(0);
    for (let i = 0; i < 50; i++) await request(173);
    assert.equal(errorMs(), 0);
    assert.deepEqual(events, []);
  });

  it('reports a skew beyond the bound once, by the side on which the process is', async () => {
    const { request, events } = process(3_600_000);
    for (let i = 0; i < 10; i++) await request(400);
    assert.equal(events.length, 1);
    assert.ok(Math.abs((events[0]?.skewMs ?? 0) - 3_600_000) <= 1_010, JSON.stringify(events));
  });

  it('follows when the clock is set', async () => {
    const { request, errorMs, set } = process(0);
    for (let i = 0; i < 20; i++) await request(400);
    set(-600_000);
    await request(400);
    assert.ok(Math.abs(errorMs()) <= 1_010, `${errorMs()} ms off`);
  });

  it('does without a header', () => {
    const { corrected, errorMs } = process(0);
    corrected.observe(undefined, corrected.ownUs());
    corrected.observe('nonsense', corrected.ownUs());
    assert.equal(corrected.known, false);
    assert.equal(errorMs(), 0);
  });

  it('reports a record from the future', () => {
    const { corrected, events } = process(0);
    corrected.observeWritten(corrected.nowUs() + 900_000);
    assert.deepEqual(events, []);
    corrected.observeWritten(corrected.nowUs() + 5_000_000);
    assert.deepEqual(events, [{ store: 'dynamodb', skewMs: -5_000 }]);
  });
});
