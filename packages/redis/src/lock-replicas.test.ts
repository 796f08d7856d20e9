import { expect, it } from 'vitest';
import { mayBeGranted, replicated } from './lock-replicas.js';
import type { AcquireRequest } from '@headgate/core';
import type { LockOp, LockOpReply } from './lock-codec.js';

const request = (leaseId: string): AcquireRequest => ({
  key: 'key',
  leaseId,
  mode: 'exclusive',
  ownerId: 'owner',
  permits: 1,
  ttlMs: 1_000,
});
const ops: readonly LockOp[] = [
  ['a', request('granted')],
  ['a', request('refused')],
  ['A', [request('first'), request('second')]],
  ['r', { key: 'key', leaseId: 'old', mode: 'exclusive', fencingToken: 1, next: request('next') }],
  ['e', 'held', 1, 1000, false],
];
const keys = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5'];
const replies: readonly LockOpReply[] = [
  [1, 7, 7],
  [0, 5, []],
  [
    1,
    [
      [8, 8],
      [9, 9],
    ],
  ],
  [1, null, [1, 10, 10]],
  [1],
];

it('only what may be granted waits for replicas', () => {
  expect(ops.map(mayBeGranted)).toEqual([true, true, true, true, false]);
  expect(mayBeGranted(['r', { key: 'key', leaseId: 'old', mode: 'exclusive', fencingToken: 1 }])).toBe(false);
});

it('keeps everything when enough replicas have it', async () => {
  const undone: unknown[] = [];
  const send = async (...sent: unknown[]): Promise<readonly LockOpReply[]> => (undone.push(sent), []);
  expect(await replicated(keys, ops, 1, send, async () => [replies, 1])).toBe(replies);
  expect(undone).toEqual([]);
});

it('gives back exactly what was granted when too few have it, and fails exactly those operations', async () => {
  const undone: unknown[] = [];
  const send = async (...sent: unknown[]): Promise<readonly LockOpReply[]> => (undone.push(sent), []);
  const left = await replicated(keys, ops, 2, send, async () => [replies, 1]);
  expect(left.map((reply) => reply[0])).toEqual([-1, 0, -1, -1, 1]);
  expect(undone).toEqual([
    [
      ['k0', 'k2', 'k3', 'k4'],
      [
        ['c', 'granted'],
        ['c', 'first'],
        ['c', 'second'],
        ['c', 'next'],
      ],
    ],
  ]);
});
