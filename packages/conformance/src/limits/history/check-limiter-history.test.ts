import { decideStep, fixedWindow, slidingLog, slidingWindow, tokenBucket } from '@headgate/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLimiterHistory } from './check-limiter-history.js';
import type { Limit, LimiterRecord } from '@headgate/core';
import type { LimiterCall } from './limiter-call.js';

const bucket = tokenBucket({ capacity: 3, refillTokens: 1, refillIntervalMs: 10 });
const window = fixedWindow({ limit: 3, windowMs: 10 });
const log = slidingLog({ limit: 3, windowMs: 10 });
const weighted = slidingWindow({ limit: 3, windowMs: 10 });

function call(outcome: LimiterCall['outcome'], invokeUs: number, returnUs = invokeUs + 10, cost = 1): LimiterCall {
  return { key: 'k', cost, invokeUs, returnUs, outcome };
}

function kinds(history: readonly LimiterCall[], limit: Limit, clockErrorUs = 0): readonly string[] {
  return [...new Set(checkLimiterHistory(history, limit, { clockErrorUs }).map(({ kind }) => kind))];
}

describe('a history that no limiter could have produced', () => {
  const four = [0, 20, 40, 60].map((at) => call('allowed', at));

  it.each([bucket, log, weighted])('shows one unit too many at once ($kind)', (limit) => {
    expect(kinds(four, limit)).toEqual(['overshoot']);
  });

  it('shows more than two windows can hold, for a fixed window', () => {
    expect(kinds(four, window)).toEqual([]);
    const seven = [0, 1, 2, 3, 4, 5, 6].map((at) => call('allowed', at * 20));
    expect(kinds(seven, window)).toEqual(['overshoot']);
  });

  it('shows a cost counted as one', () => {
    expect(kinds([call('allowed', 0, 10, 3), call('allowed', 20, 30, 3)], bucket)).toEqual(['overshoot']);
  });

  it('shows a bucket that refills twice as fast', () => {
    const history = [0, 20, 40].map((at) => call('allowed', at));
    for (let at = 5000; at < 60_000; at += 5000) history.push(call('allowed', at));
    expect(kinds(history, bucket)).toEqual(['overshoot']);
  });

  it('shows a log whose window ends too soon', () => {
    const history = [0, 20, 40, 9000].map((at) => call('allowed', at));
    expect(kinds(history, log)).toEqual(['overshoot']);
  });

  it.each([bucket, window, log, weighted])('shows a denial on a fresh key ($kind)', (limit) => {
    expect(kinds([call('denied', 0)], limit)).toEqual(['phantom-denial']);
  });

  it.each([bucket, window, log, weighted])('shows a window that never ends ($kind)', (limit) => {
    const history = [...[0, 20, 40].map((at) => call('allowed', at)), call('denied', 60_000)];
    expect(kinds(history, limit)).toEqual(['phantom-denial']);
  });

  it('shows a denied cost that was charged', () => {
    const history = [call('allowed', 0), call('denied', 20, 30, 3), call('denied', 40, 50, 2)];
    expect(kinds(history, log)).toEqual(['phantom-denial']);
  });

  it('names the key', () => {
    const violations = checkLimiterHistory([{ ...call('denied', 0), key: 'other' }, call('allowed', 0)], bucket);
    expect(violations.map(({ key }) => key)).toEqual(['other']);
  });
});

describe('a history that can be explained', () => {
  it('may have charged a call whose outcome is unknown', () => {
    const history = [call('allowed', 0), call('allowed', 20), call('unknown', 40, Infinity), call('denied', 60)];
    expect(kinds(history, bucket)).toEqual([]);
  });

  it('may have admitted a call that was still under way when another was denied', () => {
    expect(kinds([call('allowed', 0, 100, 3), call('denied', 20, 30)], log)).toEqual([]);
  });

  it('may come from clocks as far apart as stated', () => {
    const history = [0, 20, 40, 9980].map((at) => call('allowed', at));
    expect(kinds(history, log)).toEqual(['overshoot']);
    expect(kinds(history, log, 100)).toEqual([]);
  });

  it.each([bucket, window, log, weighted])(
    'is whatever the definition did, however calls overlapped ($kind)',
    (limit) => {
      const event = fc.record({
        gapUs: fc.integer({ min: 0, max: 6000 }),
        cost: fc.integer({ min: 1, max: 4 }),
        beforeUs: fc.integer({ min: 0, max: 8000 }),
        afterUs: fc.integer({ min: 0, max: 8000 }),
        lost: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      });
      fc.assert(
        fc.property(fc.array(event, { maxLength: 40 }), (events) => {
          let record: LimiterRecord | undefined;
          let atUs = 1_000_000_000;
          const history = events.map(({ gapUs, cost, beforeUs, afterUs, lost }): LimiterCall => {
            atUs += gapUs;
            const outcome = decideStep(record, [limit], [{ kind: 'consume', cost }], atUs);
            record = outcome.record;
            return {
              key: 'k',
              cost,
              invokeUs: atUs - beforeUs,
              returnUs: lost ? Infinity : atUs + afterUs,
              outcome: lost ? 'unknown' : outcome.result.answers[0]?.allowed ? 'allowed' : 'denied',
            };
          });
          expect(checkLimiterHistory(history, limit)).toEqual([]);
        }),
        { numRuns: 300 },
      );
    },
  );

  it('stays one only as it is: a denial turned round, or an admission repeated, is noticed', () => {
    // A caller that never overlaps itself leaves no room for excuses.
    let record: LimiterRecord | undefined;
    const history: LimiterCall[] = [];
    for (let atUs = 1_000_000_000; atUs < 1_000_100_000; atUs += 1700) {
      const outcome = decideStep(record, [log], [{ kind: 'consume', cost: 1 }], atUs);
      record = outcome.record;
      history.push(call(outcome.result.answers[0]?.allowed ? 'allowed' : 'denied', atUs, atUs));
    }
    expect(kinds(history, log)).toEqual([]);
    for (const [i, one] of history.entries()) {
      const turned = [...history];
      turned[i] = { ...one, outcome: one.outcome === 'allowed' ? 'denied' : 'allowed' };
      expect(kinds(turned, log).length, `call ${i} turned from ${one.outcome}`).toBeGreaterThan(0);
    }
  });
});
