import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { cold, hotter, pauseMs } from './pause.js';
import { continued, gapMs, noStreak } from './streak.js';

describe('pauses', () => {
  it('are none on a cold key, and at most 64 ms on the hottest, less for who lost more often', () => {
    assert.equal(pauseMs(cold, 0), 0);
    let heat = cold;
    for (let i = 0; i < 20; i++) heat = hotter(heat);
    const longest = (attempts: number): number =>
      Math.max(...Array.from({ length: 500 }, () => pauseMs(heat, attempts)));
    assert.ok(longest(0) > 48 && longest(0) <= 64);
    assert.ok(longest(7) <= 8);
  });

  it('are short after a single lost race', () => {
    for (let i = 0; i < 100; i++) assert.ok(pauseMs(hotter(cold), 0) <= 2);
  });
});

describe('streaks', () => {
  it('leave a gap after sixteen writes back to back, and begin anew after it', () => {
    let streak = noStreak;
    for (let i = 0; i < 16; i++) {
      assert.equal(gapMs(streak), 0);
      streak = { ...continued(streak, performance.now()), tookMs: 10 };
    }
    assert.equal(gapMs(streak), 30);
    assert.equal(gapMs(continued(streak, performance.now())), 0);
  });

  it('are of writes that follow each other: one that comes later begins anew', () => {
    const sixteen = { length: 16, endedMs: performance.now() - 100, tookMs: 10 };
    assert.equal(gapMs(sixteen), 0);
    assert.equal(continued({ ...sixteen, length: 3 }, performance.now()).length, 1);
  });
});
