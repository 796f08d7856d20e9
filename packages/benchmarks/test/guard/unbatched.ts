import type { LimiterStore, LockStore } from '@headgate/core';

/*
 * Stores with batching turned off, each in one of the ways in which a change could do it. They decide rightly; they only cost more.
 */

/** Decides the steps of a batch one after another, and the operations of a step too: a store that does not make use of batches. */
export function stepByStep(store: LimiterStore): LimiterStore {
  return wrapped(store, {
    decide: (steps) =>
      Promise.all(
        steps.map(async ({ key, limits, ops }) => {
          const answers = [];
          let clocks = { nowUs: 0, atUs: 0 };
          for (const op of ops) {
            const [result] = await store.decide([{ key, limits, ops: [op] }], {});
            if (!result || 'error' in result) return result ?? { error: new Error('no result') as never };
            clocks = result;
            answers.push(...result.answers);
          }
          return { nowUs: clocks.nowUs, atUs: clocks.atUs, answers };
        }),
      ),
  });
}

/** Takes one operation a call, so that core gathers nothing. */
export function ungathered(store: LimiterStore): LimiterStore {
  return wrapped(store, { capabilities: { ...store.capabilities, maxBatchSteps: 1, maxStepOps: 1 } });
}

/** Makes each acquire and each release in a turn of the event loop of its own, so that no two share a request. */
export function oneATurn(store: LockStore): LockStore {
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<T>(call: () => Promise<T>): Promise<T> {
    const turn = last.then(() => new Promise((resolve) => setImmediate(resolve)));
    last = turn;
    return turn.then(call);
  }
  return wrapped(store, {
    acquire: (request, options) => inTurn(() => store.acquire(request, options)),
    release: async (requests, options) =>
      (await Promise.all(requests.map((request) => inTurn(() => store.release([request], options))))).flat(),
  });
}

/** `store` with some members replaced; the others stay bound to it. */
function wrapped<Store extends LimiterStore | LockStore>(store: Store, changes: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name in changes) return changes[name as keyof Store];
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
