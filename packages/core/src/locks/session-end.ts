import { joinKey } from '../keys.js';
import type { LockContext } from './context.js';
import type { ReleaseSessionReply } from './contract.js';
import { extendWithin } from './renewing.js';

/** Ends every lease of a session, whatever process holds it, in one call to the store. */
export async function endSession(
  context: LockContext,
  id: string,
  cause: 'explicit' | 'dispose',
): Promise<ReleaseSessionReply> {
  const { name, tell, calls, outward, tenures } = context;
  const count = (outcome: 'ok' | 'error', released: number, pending: number): void =>
    tell('onSessionRelease', () => ({ cause, outcome, released, pending }));
  const before = tenures.ofSession(id);
  let reply: ReleaseSessionReply;
  try {
    const sessionId = joinKey(name, id);
    reply = await calls.run('release_session', 1, (options) =>
      calls.store.releaseSession({ prefix: outward.prefix, sessionId }, options),
    );
  } catch (error) {
    count('error', 0, 0);
    throw error;
  }
  const freed = new Set(reply.released);
  for (const tenure of before) if (freed.has(tenure.key)) tenures.lose(tenure, 'session');
  // Taken while the release was on its way: only the store knows on which side of it.
  for (const tenure of tenures.ofSession(id)) if (freed.has(tenure.key)) extendWithin(context, tenure, 0);
  const released = reply.released.map((key) => outward.strip(key));
  const pending = reply.pending.map((key) => outward.strip(key));
  count('ok', released.length, pending.length);
  return { released, pending };
}
