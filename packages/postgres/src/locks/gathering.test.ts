import { describe, expect, it } from 'vitest';
import { Gathering } from './gathering.js';
import type { Batch, Operation } from './gathering.js';

function gathering(): Gathering & { ask(kind: Operation[0], lockId: string): void } {
  const made = new Gathering();
  const ask = (kind: Operation[0], lockId: string): void =>
    made.add({ make: () => [kind, lockId], lockId, stands: false, resolve: () => {}, reject: () => {} }, kind === 'a');
  return Object.assign(made, { ask });
}

const opsOf = (batch: Batch): string[] => batch.entries.map(({ op }) => op.join(''));

describe('operations that gather', () => {
  it('leave in the order of locks, what gives back before what takes, one attempt a lock', () => {
    const all = gathering();
    for (const lockId of ['2', '1', '1']) all.ask('a', lockId);
    all.ask('r', '2');
    expect(opsOf(all.next(new Set()))).toEqual(['a1', 'r2', 'a2']);
    expect(opsOf(all.next(new Set()))).toEqual(['a1']);
    expect(all.size).toBe(0);
  });

  it('stay while a batch with the same lock is under way, whatever they are', () => {
    const all = gathering();
    all.ask('a', '1');
    const first = all.next(new Set());
    for (const lockId of ['1', '2']) {
      all.ask('a', lockId);
      all.ask('r', lockId);
    }
    expect(opsOf(all.next(new Set([first])))).toEqual(['r2', 'a2']);
    expect(opsOf(all.next(new Set()))).toEqual(['r1', 'a1']);
  });

  it('leave in batches of 256, and those that are dropped take no place', () => {
    const all = gathering();
    const answers: unknown[] = [];
    all.add(
      { make: () => undefined, lockId: 'x', stands: false, resolve: (reply) => answers.push(reply), reject: () => {} },
      true,
    );
    for (let n = 0; n < 300; n += 1) all.ask(n % 2 ? 'a' : 'e', `${n}`);
    expect(all.full).toBe(true);
    expect(all.next(new Set()).entries).toHaveLength(256);
    expect(answers).toEqual([undefined]);
    expect(all.full).toBe(false);
    expect(all.next(new Set()).entries).toHaveLength(44);
  });
});
