import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Expiries } from './expiries.js';
import type { Lease } from './lease.js';

describe('leases whose time is up', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('are told at their own deadlines, by one timer, also after a shorter one came or one was prolonged', async () => {
    const startMs = performance.now();
    const leases = new Set([100, 300].map((ms) => ({ deadlineMs: startMs + ms }) as Lease));
    const told: number[] = [];
    const expiries = new Expiries(
      () => [...leases],
      (lease) => {
        leases.delete(lease);
        told.push(performance.now() - startMs);
      },
    );
    for (const { deadlineMs } of leases) expiries.at(deadlineMs);
    const short = { deadlineMs: startMs + 50 } as Lease;
    leases.add(short);
    expiries.at(short.deadlineMs);
    expect(vi.getTimerCount()).toBe(1);
    short.deadlineMs = startMs + 200;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told.map(Math.round)).toEqual([100, 200, 300]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
