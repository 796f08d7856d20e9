import type { LockContext } from './context.js';
import type { ExtendReply, ExtendRequest } from './contract.js';
import type { Proof, Tenure } from './tenure.js';

/** Leases due within this part of their renewal interval leave with those that are due now. */
const gatherPart = 0.25;
const largestBatch = 1_000;

/** What became of one extension. */
export type Extension = 'ok' | 'lost' | { readonly error: unknown };

/** One extension on its way. */
interface Sending {
  readonly tenure: Tenure;
  readonly proof: Proof;
  readonly request: ExtendRequest;
}

/** Extends the tenure no later than `delayMs` from now, whether it is renewed by itself or not. */
export function extendWithin({ clock, tenures }: LockContext, tenure: Tenure, delayMs: number): void {
  tenure.renewAtMs = Math.min(tenure.renewAtMs, clock.monotonicMs() + delayMs);
  tenures.moved(tenure);
}

/** Extends one lease now, after any extension of it that is under way. */
export async function extendNow(context: LockContext, tenure: Tenure, ttlMs: number): Promise<Extension> {
  while (tenure.extending) await tenure.extending;
  if (!context.tenures.certain(tenure)) return 'lost';
  const [outcome] = await send(context, [tenure], ttlMs);
  return outcome ?? 'lost';
}

/** Extends, in one call, the leases that are at a third of their ttl or about to be; a failed extension is tried again until the deadline. */
export function renewDue(context: LockContext): void {
  const { clock, tenures } = context;
  const nowMs = clock.monotonicMs();
  const due = tenures
    .all()
    .filter((tenure) => renewalDueMs(tenure) - nowMs <= (tenure.ttlMs / 3) * gatherPart && tenures.certain(tenure));
  for (let from = 0; from < due.length; from += largestBatch) void send(context, due.slice(from, from + largestBatch));
}

/** Never rejects: the outcomes say what failed. */
async function send(context: LockContext, batch: readonly Tenure[], wantedMs?: number): Promise<readonly Extension[]> {
  const { calls, tenures, store, tell } = context;
  const sent = tenures.sent();
  let { timeoutMs } = context;
  const sendings = batch.map((tenure): Sending => {
    const ttlMs = wantedMs ?? tenure.ttlMs;
    const proof = tenures.proof(sent, ttlMs);
    tenure.extensionSent(proof);
    tenures.moved(tenure);
    // A third of the ttl, so that a lost answer leaves time for another attempt; and never past the deadline.
    timeoutMs = Math.min(timeoutMs, Math.max(tenure.ttlMs / 3, 1), Math.max(tenure.deadlineMs - sent.sentMs, 1));
    return { tenure, proof, request: requestFor(tenure, ttlMs) };
  });
  const requests = sendings.map(({ request }) => request);
  const call = calls.start(
    'extend',
    batch.length,
    timeoutMs,
    (options) => store.extend(requests, options),
    (replies) => batch.forEach((tenure, n) => dropLate(context, tenure, replies[n])),
  );
  const done = call.answer.then(
    (replies) => sendings.map((sending, n) => settle(context, sending, replies[n])),
    (error: unknown) => batch.map((tenure) => failed(context, tenure, error)),
  );
  for (const tenure of batch) tenure.extending = done;
  const outcomes = await done;
  for (const [n, tenure] of batch.entries()) {
    tenure.extending = undefined;
    if (!tenure.ended) tenures.moved(tenure);
    const extension = outcomes[n]!;
    tell('onExtend', () => ({ outcome: typeof extension === 'string' ? extension : 'error' }));
  }
  return outcomes;
}

function settle(context: LockContext, { tenure, proof, request }: Sending, reply: ExtendReply | undefined): Extension {
  const { tenures } = context;
  if (!tenures.certain(tenure)) {
    dropLate(context, tenure, reply);
    return 'lost';
  }
  if (reply?.extended !== true) {
    tenures.lose(tenure, reply?.reason ?? 'stolen');
    return 'lost';
  }
  if (request.holder && request.holder.fencingToken === tenure.lease?.fencingToken) tenure.stale = false;
  tenure.extended(proof);
  return 'ok';
}

/** The store extended a lease whose deadline passed here meanwhile: nobody holds it, so it is not kept from others. */
function dropLate({ calls }: LockContext, tenure: Tenure, reply: ExtendReply | undefined): void {
  if (tenure.ended === 'expired' && reply?.extended) calls.discard(tenure.named());
}

function failed({ clock }: LockContext, tenure: Tenure, error: unknown): Extension {
  tenure.failures += 1;
  if (tenure.renew || tenure.stale) {
    const nowMs = clock.monotonicMs();
    // Further apart while there is time, and closer again towards the deadline.
    const retryMs = Math.min(1_000, (tenure.ttlMs / 12) * tenure.failures, (tenure.deadlineMs - nowMs) / 2);
    tenure.renewAtMs = nowMs + Math.max(retryMs, tenure.ttlMs / 50) * (0.75 + Math.random() / 4);
  }
  return { error };
}

function requestFor(tenure: Tenure, ttlMs: number): ExtendRequest {
  const request = { ...tenure.named(), ttlMs };
  const holder = tenure.stale ? tenure.lease?.holder() : undefined;
  if (!holder) return request;
  const { ownerId, fencingToken, metadata } = holder;
  return { ...request, holder: { ownerId, fencingToken, ...(metadata && { metadata }) } };
}

/** Monotonic time at which to extend the tenure. */
export function renewalDueMs(tenure: Tenure): number {
  return tenure.extending ? Infinity : tenure.renewAtMs;
}
