import { expect } from 'vitest';
import type { Limiter } from '@headgate/core';

/** Callers at once, and the calls that each makes one after the other. */
export interface Load {
  readonly callers: number;
  readonly rounds: number;
}

/** The keys that the callers share. */
const keys = 64;

/** What a key must hold for all calls of one {@link callAll} to be admitted, and for none to be left. */
export const perKey = ({ callers, rounds }: Load): number => (callers * rounds) / keys;

/** Makes the calls, all of which must be admitted, or all denied. */
export async function callAll(limiter: Limiter, { callers, rounds }: Load, allowed: boolean): Promise<void> {
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      for (let round = 0; round < rounds; round++) {
        const decision = await limiter.consume(`user:${caller % keys}`);
        expect(decision.allowed).toBe(allowed);
      }
    }),
  );
}
