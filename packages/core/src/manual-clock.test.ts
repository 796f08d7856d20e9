import { describe, expect, it } from 'vitest';
import { createManualClock } from './manual-clock.js';

describe('manual clock', () => {
  it('runs timers in the order of their time, each at its own time, also those set meanwhile', async () => {
    const clock = createManualClock({ nowUs: 5_000_000 });
    const seen: string[] = [];
    const note = (name: string) => () => void seen.push(`${name}@${clock.monotonicMs()}/${clock.nowUs()}`);
    clock.setTimer(note('late'), 20);
    clock.setTimer(() => {
      note('early')();
      clock.setTimer(note('chained'), 2.5);
    }, 10);
    clock.setTimer(note('same'), 10);
    clock.setTimer(note('never'), 5).clear();
    await clock.advance(15);
    expect(seen).toEqual(['early@10/5010000', 'same@10/5010000', 'chained@12.5/5012500']);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(5);
    expect(seen).toHaveLength(4);
    expect(clock.nowUs()).toBe(5_020_000);
  });

  it('moves the wall clock alone, and counts the timers that keep a process alive', () => {
    const clock = createManualClock();
    clock.setNowUs(1);
    expect([clock.nowUs(), clock.monotonicMs()]).toEqual([1, 0]);
    clock.setTimer(() => undefined, 5).unref();
    clock.setTimer(() => undefined, 5);
    expect([clock.pendingTimers, clock.referencedTimers]).toEqual([2, 1]);
  });
});
