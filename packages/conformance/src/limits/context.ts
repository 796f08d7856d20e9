import { randomKey } from '../suite/random.js';
import { sleep } from '../suite/deadline.js';
import { cannotHave } from '../suite/medium.js';
import type { Limit, LimiterAnswerNow, LimiterDecided, LimiterOp, LimiterStep, LimiterStore } from '@headgate/core';
import type { Faults } from '../suite/faults.js';
import type { Medium } from '../suite/medium.js';
import type { LimiterFixture, MovableClock } from './fixture.js';

/** What a limiter property works with: one fresh store and the ways to ask it. */
export interface LimiterContext {
  readonly store: LimiterStore;
  readonly fixture: LimiterFixture;
  readonly faults: Faults;
  readonly medium: Medium;
  readonly seed: number;
  /** The movable clock, when the store has one. */
  readonly clock: MovableClock | undefined;
  /** A key nobody else uses. */
  key(hint?: string): string;
  /** Decides one step; rejects with the step's error. */
  decide(
    key: string,
    limits: readonly Limit[],
    ops: readonly LimiterOp[],
    store?: LimiterStore,
  ): Promise<LimiterDecided>;
  /** Decides one operation; rejects with the step's error. */
  ask(key: string, limits: Limit | readonly Limit[], op: LimiterOp, store?: LimiterStore): Promise<LimiterAnswerNow>;
  /** Decides a batch; rejects with the first step's error. */
  batch(steps: readonly LimiterStep[], store?: LimiterStore): Promise<readonly LimiterDecided[]>;
  /** Lets `us` microseconds pass: moves the clock, or waits (rounded up to a millisecond). */
  pass(us: number): Promise<void>;
  /** Another store on the same data; closed when the property ends. */
  peer(): Promise<LimiterStore>;
}

/** Beyond this a movable clock jumps as that of a machine that slept: a store's every timer in a year would take longer than the test. */
const longestAwakeUs = 600_000_000;

/** A call that is not back after this long waits for a clock that stands still: a store that meets contention pauses by it. */
const stuckMs = 2000;

async function whileStuckTimeRuns<T>(clock: MovableClock | undefined, work: Promise<T>): Promise<T> {
  if (!clock) return work;
  let run: NodeJS.Timeout | undefined;
  const start = setTimeout(() => {
    run = setInterval(() => clock.advance(1), 1);
  }, stuckMs);
  try {
    return await work;
  } finally {
    clearTimeout(start);
    clearInterval(run);
  }
}

/** Asserts that a store lives by the clock of its fixture, to a second: every other claim about time would fail in words of its own. */
function assertDecidesBy(clock: MovableClock, decided: LimiterDecided | undefined): void {
  if (!decided || Math.abs(decided.nowUs - clock.nowUs()) <= 1_000_000) return;
  throw new Error(
    `The store decided at nowUs ${decided.nowUs} while the fixture's clock stood at ${clock.nowUs()}: it must decide by that clock, in microseconds`,
  );
}

/** Makes the context of one property. `peers` collects what is to be closed after it. */
export function limiterContext(
  fixture: LimiterFixture,
  options: {
    readonly faults: Faults;
    readonly medium: Medium;
    readonly seed: number;
    readonly peers: LimiterStore[];
  },
): LimiterContext {
  const { store, clock } = fixture;

  let clockIsKnown = false;
  const batch: LimiterContext['batch'] = async (steps, on = store) => {
    const results = await whileStuckTimeRuns(clock, on.decide(steps, {}));
    if (results.length !== steps.length)
      throw new Error(`${steps.length} steps came back as ${results.length} results`);
    const decided = results.map((result) => {
      if ('error' in result) throw result.error;
      return result;
    });
    if (clock && !clockIsKnown) assertDecidesBy(clock, decided[0]);
    clockIsKnown = true;
    return decided;
  };
  const decide: LimiterContext['decide'] = async (key, limits, ops, on = store) =>
    (await batch([{ key, limits, ops }], on))[0] as LimiterDecided;

  return {
    store,
    fixture,
    clock,
    faults: options.faults,
    medium: options.medium,
    seed: options.seed,
    key: randomKey,
    batch,
    decide,
    async ask(key, limits, op, on) {
      const { nowUs, atUs, answers } = await decide(key, 'kind' in limits ? [limits] : limits, [op], on);
      const [answer, ...more] = answers;
      if (!answer || more.length > 0) throw new Error(`One operation came back as ${answers.length} answers`);
      return { ...answer, nowUs, atUs };
    },
    async pass(us) {
      if (!clock) await sleep(Math.ceil(us / 1000));
      else if (us <= longestAwakeUs) clock.advance(us / 1000);
      else clock.setWallUs(clock.nowUs() + us);
    },
    async peer() {
      if (!fixture.openPeer) throw new Error('The property asked for a peer without checking that there is one');
      const peer = await fixture.openPeer();
      options.peers.push(peer);
      return peer;
    },
  };
}

/** A skip reason for properties that open a second store. */
export function withoutPeer({ fixture }: LimiterContext): string | undefined {
  return fixture.openPeer ? undefined : 'the fixture gives no openPeer';
}

/** A skip reason for properties that move the clock. */
export function withoutClock({ clock }: LimiterContext): string | undefined {
  return clock ? undefined : "the store's clock cannot be moved";
}

/** A skip reason for properties that need a hook which some media rule out. */
export function withoutHook(
  { fixture, medium }: LimiterContext,
  hook: 'program' | 'setup' | 'writeForeignRecord',
): string | undefined {
  return fixture[hook] ? undefined : (cannotHave(medium, [hook]) ?? `the fixture gives no ${hook}`);
}

/** A skip reason for properties that look at physical records. */
export function withoutRecords({ fixture }: LimiterContext): string | undefined {
  return fixture.records ? undefined : 'the fixture gives no records';
}
