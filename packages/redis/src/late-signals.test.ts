import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { LateSignals } from './late-signals.js';

const never = (): Promise<never> => new Promise(() => {});

describe('signals that are looked at late', () => {
  it('a call that is answered at once has its signal left alone', async () => {
    let looked = 0;
    const holder = {
      get signal(): AbortSignal {
        looked++;
        return new AbortController().signal;
      },
    };
    assert.equal(await new LateSignals().watch(Promise.resolve(1), holder), 1);
    assert.equal(looked, 0);
  });

  it('a call that stays unanswered ends with the reason of its signal, aborted before or after it was looked at', async () => {
    const signals = new LateSignals();
    const early = AbortSignal.abort(new Error('early'));
    await assert.rejects(signals.watch(never(), { signal: early }), /early/);
    const late = new AbortController();
    let rejected: Promise<void> | undefined;
    await new Promise<void>((looked) => {
      const holder = {
        get signal(): AbortSignal {
          looked();
          return late.signal;
        },
      };
      rejected = assert.rejects(signals.watch(never(), holder), /late/);
    });
    late.abort(new Error('late'));
    await rejected;
  });

  it('a failure is handed on, and a call without a signal waits on', async () => {
    const signals = new LateSignals();
    await assert.rejects(signals.watch(Promise.reject(new Error('failed')), {}), /failed/);
    const answer = new Promise<string>((resolve) => setTimeout(resolve, 30, 'answer'));
    assert.equal(await signals.watch(answer, {}), 'answer');
  });
});
