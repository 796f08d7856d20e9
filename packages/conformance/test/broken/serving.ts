import { decideStep } from '@headgate/core';
import { fileURLToPath } from 'node:url';
import { ReferenceServer } from '../reference-server.js';
import { broken } from './broken-store.js';
import type { ClientHabits } from '../reference-server.js';
import type { BrokenStore } from './broken-store.js';

const habit = (fault: string, caughtBy: string, habits: ClientHabits): BrokenStore => {
  const server = new ReferenceServer(habits);
  return { fault, caughtBy, make: () => server.fixture(), faults: server.faults };
};

/** Faults that only a server, or a second process, brings to light. */
export const servingFaults: readonly BrokenStore[] = [
  habit('a call is sent again after its reply was lost', 'faults/lost-reply-charges-once', { resends: true }),
  habit('a call is sent again after a cut', 'faults/dropped-connections', { resends: true }),
  habit('an outage looks like a denial', 'faults/killed-server', { deniesWhenAway: true }),
  habit('a store that lost its server never finds it again', 'faults/killed-server', { staysAway: true }),
  habit("the clients' clocks decide", 'time/skewed-client', { trustsClient: true }),
  habit('a call reads first and writes then', 'budget/one-request-per-call', { requestsPerCall: 2 }),
  habit('each operation is a request', 'budget/batch-per-lane', { requestsPerCall: 50 }),
  habit('denials are written', 'budget/denials-write-nothing', { alwaysWrites: true }),
  habit('a batch writes denied keys too', 'budget/one-write-per-key', {
    decide: (record, limits, ops, nowUs) => {
      const outcome = decideStep(record, limits, ops, nowUs);
      return outcome.changed || !outcome.record
        ? outcome
        : { ...outcome, changed: true, record: { ...outcome.record } };
    },
  }),
  {
    fault: 'each process counts for itself',
    caughtBy: 'storm/processes',
    make: () => ({
      ...broken(),
      program: { file: fileURLToPath(new URL('../programs/lonely-store.mjs', import.meta.url)) },
    }),
  },
];
