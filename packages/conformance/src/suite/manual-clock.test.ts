import { describe, expect, it } from 'vitest';
import { manualClock } from './manual-clock.js';

describe('a manual clock', () => {
  it('stands still until it is moved, and moves by microseconds', () => {
    const clock = manualClock(5_000_000);
    expect([clock.nowUs(), clock.monotonicMs()]).toEqual([5_000_000, 0]);
    for (let i = 0; i < 1000; i++) clock.advance(0.001);
    expect([clock.nowUs(), clock.monotonicMs()]).toEqual([5_001_000, 1]);
  });

  it('runs due timers in order, each at its own instant, also those that timers set', () => {
    const clock = manualClock();
    const seen: [string, number][] = [];
    clock.setTimer(() => seen.push(['late', clock.monotonicMs()]), 20);
    clock.setTimer(() => {
      seen.push(['early', clock.monotonicMs()]);
      clock.setTimer(() => seen.push(['then', clock.monotonicMs()]), 5);
    }, 10);
    clock.setTimer(() => seen.push(['cleared', clock.monotonicMs()]), 15).clear();
    clock.advance(19);
    expect(seen).toEqual([
      ['early', 10],
      ['then', 15],
    ]);
    clock.advance(1);
    expect(seen.at(-1)).toEqual(['late', 20]);
  });

  it('can be set back without a timer noticing', () => {
    const clock = manualClock(5_000_000);
    let runs = 0;
    clock.setTimer(() => (runs += 1), 10);
    clock.setWallUs(1_000_000);
    expect([clock.nowUs(), runs]).toEqual([1_000_000, 0]);
    clock.advance(10);
    expect([clock.nowUs(), runs]).toEqual([1_010_000, 1]);
  });
});
