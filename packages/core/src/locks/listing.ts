import type { LockContext } from './context.js';
import type { LockFilter, LockState } from './contract.js';

/** Lists held keys as the caller knows them. Each step of the store's listing is limited in time; the whole counts as one call. */
export async function* listStates(
  context: LockContext,
  filter: LockFilter,
): AsyncGenerator<LockState, void, undefined> {
  const { calls, outward, clock, timeoutMs } = context;
  const stop = new AbortController();
  let iterator: AsyncIterator<LockState> | undefined;
  let failure: { readonly error: unknown } | undefined;
  let spentMs = 0;
  let items = 0;
  try {
    iterator = calls.store.list(filter, { signal: stop.signal })[Symbol.asyncIterator]();
    for (;;) {
      const from = clock.monotonicMs();
      const step = await calls.start('list', 1, timeoutMs, () => iterator!.next(), undefined, false).answer;
      spentMs += clock.monotonicMs() - from;
      if (step.done) break;
      items += 1;
      yield outward.state(step.value);
    }
    iterator = undefined;
  } catch (error) {
    failure = { error };
    stop.abort(error);
    // The store's iterator may hang where it failed, so nobody waits for it.
    iterator = undefined;
    throw error;
  } finally {
    calls.report('list', items, spentMs, failure);
    // Still there when the caller left the loop early.
    await iterator?.return?.();
  }
}
