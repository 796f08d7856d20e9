import { joinKey } from '../keys.js';
import type { LockContext } from './context.js';
import type { ReleaseSessionReply } from './contract.js';

/** Ends every lease of a session, whatever process holds it, in one call to the store. */
export async function endSession(
  { name, tell, calls, outward, tenures }: LockContext,
  id: string,
  cause: 'explicit' | 'dispose',
): Promise<ReleaseSessionReply> {
  const before = tenures.ofSession(id);
  let reply: ReleaseSessionReply;
  try {
    const sessionId = joinKey(name, id);
    reply = await calls.run('release_session', 1, (options) =>
      calls.store.releaseSession({ prefix: outward.prefix, sessionId }, options),
    );
  } catch (error) {
    tell('onSessionRelease', () => ({ cause, outcome: 'error', released: 0, pending: 0 }));
    throw error;
  }
  const freed = new Set(reply.released);
  for (const tenure of before) if (freed.has(tenure.key)) tenures.lose(tenure, 'session');
  // Taken while the release was on its way: only the store knows on which side of it.
  for (const tenure of tenures.ofSession(id)) if (freed.has(tenure.key)) tenures.renewer.within(tenure, 0);
  const released = reply.released.map((key) => outward.strip(key));
  const pending = reply.pending.map((key) => outward.strip(key));
  tell('onSessionRelease', () => ({ cause, outcome: 'ok', released: released.length, pending: pending.length }));
  return { released, pending };
}
