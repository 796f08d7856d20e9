import assert from 'node:assert/strict';
import { joinKey, plainAnswer } from '@headgate/core';
import { ReferenceModel } from './reference-model.js';
import type { Limit, LimiterDecided, LimiterOp, LimiterStep, LimiterStore } from '@headgate/core';
import type { LimiterContext } from '../context.js';
import type { Trace, TraceOp, TracePause } from './trace.js';

/** Longest a trace waits for an instant when time cannot be moved, microseconds. */
const longestWaitUs = 30_000;

/** Furthest a trace moves the clock, microseconds: 100 years, beyond which a debt's end would leave the safe integers. */
const furthestUs = 100 * 365 * 86_400_000_000;

/** What is known of a key from the results so far. */
interface KeyPast {
  readonly chargedAtUs: number[];
  nowUs: number;
  retryAtUs: number;
  resetAtUs: number;
}

/** Asks a store one batch; {@link viaDecide} or {@link viaDecideNow}. */
export type Ask = (steps: readonly LimiterStep[], store: LimiterStore) => Promise<readonly LimiterDecided[]>;

/** Runs a trace on the store, with keys of its own, and holds every result to the reference model. */
export async function replay(trace: Trace, context: LimiterContext, ask: Ask, peer?: LimiterStore): Promise<void> {
  const model = new ReferenceModel();
  const keys = new Map<number, string>();
  const pasts = new Map<number, KeyPast>();
  const startUs = context.clock?.nowUs() ?? 0;
  let checkLast: (() => void) | undefined;
  try {
    for (const { pause, policy, keys: asked, peer: byPeer } of trace.steps) {
      if (!context.clock || context.clock.nowUs() - startUs < furthestUs)
        await elapse(pause, pasts.get(asked[0]?.key ?? 0), context);
      const limits = trace.policies[policy] as readonly Limit[];
      const steps = asked.map(({ key, ops }): LimiterStep => {
        if (!keys.has(key)) keys.set(key, context.key('trace'));
        return { key: keys.get(key) as string, limits, ops: ops.map((op) => concrete(op, pasts.get(key))) };
      });
      const results = await ask(steps, byPeer && peer ? peer : context.store);
      checkLast?.();
      checkLast = staysAsItIs(results);
      for (const [i, step] of steps.entries()) {
        const result = results[i] as LimiterDecided;
        model.check(step, result);
        const key = (asked[i] as (typeof asked)[number]).key;
        pasts.set(key, remember(pasts.get(key), result));
      }
    }
  } finally {
    // The next trace has keys of its own, and begins at the same time.
    context.clock?.setWallUs(startUs);
  }
}

/** How to find out later that no answer was changed after it was handed over: decisions refer to it. */
function staysAsItIs(results: readonly LimiterDecided[]): () => void {
  const given = results.flatMap(({ answers }) => answers.map((answer) => ({ answer, copy: { ...answer } })));
  return () => {
    for (const { answer, copy } of given)
      assert.deepEqual({ ...answer }, copy, 'an answer changed after it was handed over: decisions refer to it');
  };
}

function remember(past: KeyPast | undefined, { nowUs, atUs, answers }: LimiterDecided): KeyPast {
  const last = answers.at(-1);
  const chargedAtUs = past?.chargedAtUs ?? [];
  chargedAtUs.unshift(atUs);
  return { chargedAtUs, nowUs, retryAtUs: last?.retryAtUs ?? 0, resetAtUs: last?.resetAtUs ?? 0 };
}

function concrete(op: TraceOp, past: KeyPast | undefined): LimiterOp {
  if (op.kind !== 'refund') return op;
  const atUs = past?.chargedAtUs[op.back] ?? past?.chargedAtUs.at(-1) ?? 0;
  return { kind: 'refund', cost: op.cost, atUs: Math.max(0, atUs + op.offUs) };
}

async function elapse(pause: TracePause, past: KeyPast | undefined, { clock, pass }: LimiterContext): Promise<void> {
  if (pause.kind === 'us') return pause.us > 0 ? pass(pause.us) : undefined;
  if (pause.kind === 'back') return clock?.setWallUs(clock.nowUs() - pause.us);
  const target = pause.kind === 'toRetry' ? past?.retryAtUs : past?.resetAtUs;
  const now = clock?.nowUs() ?? past?.nowUs;
  if (target === undefined || now === undefined || !Number.isFinite(target)) return;
  const us = target + pause.offUs - now;
  if (us > 0 && (clock || us <= longestWaitUs)) await pass(us);
}

/** Asks by `decide`. */
export function viaDecide({ batch }: LimiterContext): Ask {
  return (steps, store) => batch(steps, store);
}

/** Asks by `decideNow`; for traces of one key and one operation per step. */
export const viaDecideNow: Ask = async (steps, store) =>
  steps.map(({ key, limits, ops }) => {
    if (!store.decideNow) throw new Error('The store has no decideNow');
    const answer = store.decideNow(key, limits, ops[0] as LimiterOp);
    return { nowUs: answer.nowUs, atUs: answer.atUs, answers: [answer] };
  });

/** Asks by each of the three ways in turn, for the records of a limiter's name: they are the same records. */
export function viaEveryWay(name: string): Ask {
  const turns = new Map<string, number>();
  return async (steps, store) => {
    const named = steps.map((step) => ({ ...step, key: joinKey(name, step.key) }));
    const first = steps[0]?.key ?? '';
    // Counted by key, and keys by trace, so that a trace shrinks to one that does the same.
    const turn = (turns.get(first) ?? 0) + 1;
    turns.set(first, turn);
    if (turn % 3 === 0) return (await store.decide(named, {})) as readonly LimiterDecided[];
    if (turn % 3 === 1) return viaDecideNow(named, store);
    return viaDecideNow(steps, {
      ...store,
      decideNow: (key, limits, op) => {
        if (!store.decideNowFor) throw new Error('The store has no decideNowFor');
        return store.decideNowFor(name, limits, (_key, answer) => plainAnswer(answer))(key, op);
      },
    });
  };
}
