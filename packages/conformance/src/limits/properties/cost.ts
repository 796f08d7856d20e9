import assert from 'node:assert/strict';
import { fixedWindow, tokenBucket } from '@headgate/core';
import type { Property } from '../../suite/property.js';
import type { LimiterContext } from '../context.js';

/** What costs and denials do, and do not do. */
export const costProperties: readonly Property<LimiterContext>[] = [
  {
    id: 'cost/burst',
    title: 'a fresh key admits exactly its limit at once',
    async run({ ask, key }) {
      for (const limit of [
        fixedWindow({ limit: 5, windowMs: 600_000 }),
        tokenBucket({ capacity: 5, refillIntervalMs: 600_000 }),
      ]) {
        const fresh = key();
        const allowed: boolean[] = [];
        for (let i = 0; i < 7; i++) allowed.push((await ask(fresh, limit, { kind: 'consume', cost: 1 })).allowed);
        assert.deepEqual(allowed, [true, true, true, true, true, false, false], limit.kind);
      }
    },
  },
];
