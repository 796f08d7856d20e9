import fc from 'fast-check';
import type { AcquireRequest, LockMode, LockStore } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { collect } from '../leases.js';
import type { LockTest } from '../lock-test.js';
import { LockModel } from './model.js';
import type { When } from './spans.js';

/** One step of a random trace. Slots name requests made before, counted from the latest; instances, keys and sessions are small numbers. */
export type TraceStep =
  | {
      readonly do: 'acquire';
      readonly instance: number;
      readonly key: number;
      readonly mode: LockMode;
      readonly short: boolean;
      readonly tokens: number;
      readonly session: number;
      readonly waits: boolean;
    }
  | { readonly do: 'repeat'; readonly slot: number }
  | { readonly do: 'release'; readonly slot: number }
  | { readonly do: 'abort'; readonly slot: number }
  | { readonly do: 'extend'; readonly slot: number; readonly short: boolean }
  | { readonly do: 'handOver'; readonly slot: number; readonly nextSlot: number }
  | { readonly do: 'force'; readonly instance: number; readonly key: number; readonly slot: number | null }
  | { readonly do: 'releaseSession'; readonly instance: number; readonly session: number }
  | { readonly do: 'inspect'; readonly instance: number; readonly key: number }
  | { readonly do: 'list'; readonly instance: number; readonly session: number | null }
  | { readonly do: 'pass'; readonly part: number };

const keyCount = 2;
const sessionCount = 2;
/** Permits of every key in a trace. */
const permits = 2;

/** Random traces for a store that can hold leases in these modes. */
export function traces(modes: readonly LockMode[]): fc.Arbitrary<readonly TraceStep[]> {
  const instance = fc.nat(1);
  const key = fc.nat(keyCount - 1);
  const session = fc.nat(sessionCount - 1);
  // Mostly the latest, or nothing would ever happen twice to one lease.
  const slot = fc.oneof({ weight: 3, arbitrary: fc.nat(1) }, { weight: 1, arbitrary: fc.nat(7) });
  const acquire = fc.record({
    do: fc.constant('acquire' as const),
    instance,
    key,
    mode: fc.constantFrom(...modes),
    short: fc.boolean(),
    tokens: fc.constantFrom(1, 1, 3),
    session,
    waits: fc.boolean(),
  });
  const onSlot = fc.record({
    do: fc.constantFrom('repeat' as const, 'release' as const, 'release' as const, 'abort' as const),
    slot,
  });
  const extend = fc.record({ do: fc.constant('extend' as const), slot, short: fc.boolean() });
  const step: fc.Arbitrary<TraceStep> = fc.oneof(
    { weight: 8, arbitrary: acquire },
    { weight: 8, arbitrary: onSlot },
    { weight: 4, arbitrary: extend },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('handOver' as const), slot, nextSlot: slot }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('force' as const), instance, key, slot: fc.option(slot) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('releaseSession' as const), instance, session }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('inspect' as const), instance, key }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('list' as const), instance, session: fc.option(session) }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('pass' as const), part: fc.constantFrom(0.01, 0.5, 0.999, 1.001) }),
    },
  );
  return fc.array(step, { minLength: 1, maxLength: 60, size: 'max' });
}

interface Slot {
  readonly store: LockStore;
  readonly request: AcquireRequest;
  /** The token of its last grant; 1 before that, which no store issues. */
  token: number;
}

/** Runs a trace on the store and holds every answer to the model; rejects at the first that no correct store could give. */
export async function runTrace(
  test: LockTest,
  instances: readonly LockStore[],
  trace: readonly TraceStep[],
): Promise<void> {
  const { store, shortMs } = test;
  const model = new LockModel(store.capabilities);
  const prefix = `${randomKey('trace')}:`;
  const session = randomKey('s');
  const sessionIds = [`${session}0`, `${session}1`];
  const keyOf = (key: number): string => `${prefix}${key}`;
  const instanceOf = (instance: number): LockStore => instances[instance % instances.length] as LockStore;
  const slots: Slot[] = [];
  const when = async <T>(call: () => Promise<T>): Promise<readonly [T, When]> => {
    const sentMs = test.nowMs();
    const value = await call();
    return [value, { sentMs, returnedMs: test.nowMs() }];
  };
  const ttlOf = (short: boolean): number => (short ? shortMs : 20 * shortMs);

  const acquire = async (slot: Slot): Promise<void> => {
    const [reply, at] = await when(() => slot.store.acquire(slot.request));
    model.acquire(slot.request, reply, at);
    if (reply.acquired) slot.token = reply.fencingToken;
  };
  const refOf = ({ request: { key, leaseId, mode } }: Slot): Pick<AcquireRequest, 'key' | 'leaseId' | 'mode'> => ({
    key,
    leaseId,
    mode,
  });

  for (const step of trace) {
    const slot = 'slot' in step && step.slot !== null ? slots.at(-1 - step.slot) : undefined;
    if (step.do === 'acquire') {
      const ttlMs = ttlOf(step.short);
      const request: AcquireRequest = {
        key: keyOf(step.key),
        leaseId: `${slots.length}-${randomKey('l')}`,
        ownerId: 'trace',
        sessionId: sessionIds[step.session] as string,
        mode: step.mode,
        permits: step.mode === 'permit' ? permits : 1,
        ttlMs,
        tokens: step.tokens,
        ...(step.waits ? { waiter: { ttlMs } } : {}),
      };
      slots.push({ store: instanceOf(step.instance), request, token: 1 });
      await acquire(slots.at(-1) as Slot);
    } else if (step.do === 'repeat') {
      if (slot) await acquire(slot);
    } else if (step.do === 'extend') {
      if (!slot) continue;
      const request = { ...refOf(slot), fencingToken: slot.token, ttlMs: ttlOf(step.short) };
      const [[reply], at] = await when(() => slot.store.extend([request]));
      if (!reply) throw new Error('an extension came back without a reply');
      model.extend(request, reply, at);
    } else if (step.do === 'release' || step.do === 'handOver') {
      if (!slot) continue;
      const next = step.do === 'handOver' ? slots.at(-1 - step.nextSlot) : undefined;
      const along = next && next !== slot && next.store === slot.store && next.request.key === slot.request.key;
      const request = { ...refOf(slot), fencingToken: slot.token, ...(along ? { next: next.request } : {}) };
      const [[reply], at] = await when(() => slot.store.release([request]));
      if (!reply) throw new Error('a release came back without a reply');
      model.release(request, reply, at);
      if (along && reply.next?.acquired) next.token = reply.next.fencingToken;
    } else if (step.do === 'abort') {
      if (!slot) continue;
      const [, at] = await when(() => slot.store.cancelWait(refOf(slot)));
      model.cancelWait(refOf(slot), at);
    } else if (step.do === 'force') {
      const key = slot?.request.key ?? keyOf(step.key);
      const leaseId = slot?.request.leaseId;
      const [reply, at] = await when(() =>
        instanceOf(step.instance).forceRelease(key, leaseId === undefined ? {} : { leaseId }),
      );
      model.forceRelease(key, leaseId, reply, at);
    } else if (step.do === 'releaseSession') {
      const sessionId = sessionIds[step.session] as string;
      const [reply, at] = await when(() => instanceOf(step.instance).releaseSession({ prefix, sessionId }));
      model.releaseSession(prefix, sessionId, reply, at);
    } else if (step.do === 'inspect') {
      const [state, at] = await when(() => instanceOf(step.instance).inspect(keyOf(step.key)));
      model.inspect(keyOf(step.key), state, at);
    } else if (step.do === 'list') {
      const sessionId = step.session === null ? undefined : sessionIds[step.session];
      const filter = { prefix, ...(sessionId === undefined ? {} : { sessionId }) };
      const [states, at] = await when(() => collect(instanceOf(step.instance).list(filter)));
      model.list(prefix, sessionId, states, at);
    } else {
      await test.pass(Math.round(step.part * shortMs));
    }
  }
}
