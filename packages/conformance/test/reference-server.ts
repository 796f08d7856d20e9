import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError, systemClock } from '@headgate/core';
import { fixtureOf, referenceLimiterStore } from './reference-limiter-store.js';
import type { LimiterRecord, LimiterResult, LimiterStep, LimiterStore } from '@headgate/core';
import type { Faults, LimiterFixture } from '../src/index.js';
import type { ReferenceOptions } from './reference-limiter-store.js';

/** What a broken client does otherwise. */
export interface ClientHabits extends ReferenceOptions {
  /** Sends again after a lost reply. */
  readonly resends?: boolean;
  /** Takes an outage for a denial. */
  readonly deniesWhenAway?: boolean;
  /** Never connects again after a cut, a kill or a hang. */
  readonly staysAway?: boolean;
  /** Requests per call. */
  readonly requestsPerCall?: number;
  /** Decides by the client's clock instead of the server's. */
  readonly trustsClient?: boolean;
  /** Counts every request as a write. */
  readonly alwaysWrites?: boolean;
}

/** A reference store behind a server that can be hurt: the suite's fault properties are tried on it, and on clients with bad habits. */
export class ReferenceServer {
  readonly records = new Map<string, LimiterRecord>();
  readonly habits: ClientHabits;
  #state: 'up' | 'hanging' | 'down' = 'up';
  #cuts = 0;
  #skewMs = 0;
  #requests = 0;
  #writes = 0;
  #loseNext: (() => void) | undefined;
  #back: (() => void)[] = [];

  constructor(habits: ClientHabits = {}) {
    this.habits = habits;
  }

  readonly faults: Faults = {
    kill: async () => this.#become('down'),
    pause: async () => this.#become('hanging'),
    resume: async () => this.#become('up'),
    restartStore: async () => this.#become('up'),
    blackhole: async () => this.#become('hanging'),
    heal: async () => this.#become('up'),
    dropConnections: async () => {
      this.#cuts += 1;
    },
    dropReply: async () => ({
      lost: new Promise<void>((resolve) => {
        this.#loseNext = resolve;
      }),
    }),
    skewClock: async (ms) => {
      this.#skewMs = ms;
    },
    wipe: async () => this.records.clear(),
    counters: () => ({ requests: this.#requests, writes: this.#writes }),
  };

  fixture(): LimiterFixture {
    return fixtureOf(this.#client(), this.records, { openPeer: () => this.#client() });
  }

  #become(state: 'up' | 'hanging' | 'down'): void {
    this.#state = state;
    if (state === 'up') for (const wake of this.#back.splice(0)) wake();
  }

  #client(): LimiterStore {
    const skewMs = this.habits.trustsClient ? this.#skewMs : 0;
    const clock = { ...systemClock, nowUs: () => systemClock.nowUs() + skewMs * 1000 };
    const inner = referenceLimiterStore({ clock, records: this.records, ...this.habits });
    let broken = false;
    const decide = async (steps: readonly LimiterStep[]): Promise<readonly LimiterResult[]> => {
      if (broken) throw away('Never connected again');
      try {
        return await this.#request(() => inner.decide(steps, {}));
      } catch (error) {
        if (this.habits.staysAway) broken = true;
        if (this.habits.resends) return this.#request(() => inner.decide(steps, {}));
        if (!this.habits.deniesWhenAway) throw error;
        const denied = {
          allowed: false,
          granted: 0,
          reason: 'quota',
          violated: 0,
          retryAtUs: 0,
          remaining: 0,
          resetAtUs: 0,
        } as const;
        return steps.map(({ ops }) => ({ nowUs: 0, atUs: 0, answers: ops.map(() => denied) }));
      }
    };
    return { name: inner.name, clock: 'store', capabilities: inner.capabilities, decide, close: async () => {} };
  }

  async #request(run: () => Promise<readonly LimiterResult[]>): Promise<readonly LimiterResult[]> {
    const { requestsPerCall = 1, alwaysWrites = false } = this.habits;
    this.#requests += requestsPerCall;
    if (this.#state === 'down') throw away('Connection refused');
    const cuts = this.#cuts;
    if (this.#state === 'hanging') await new Promise<void>((resolve) => void this.#back.push(resolve));
    const before = new Map(this.records);
    const results = await run();
    const changed = [...this.records].filter(([key, record]) => before.get(key) !== record).length;
    this.#writes += alwaysWrites ? 1 : changed;
    const lose = changed > 0 ? this.#loseNext : undefined;
    if (lose) {
      this.#loseNext = undefined;
      lose();
      throw away('Connection lost');
    }
    await sleep(1);
    if (cuts !== this.#cuts) throw away('Connection cut');
    return results;
  }
}

function away(message: string): StoreError {
  return new StoreError(message, { store: 'reference', kind: 'connection' });
}
