import type { ExtendReply, ExtendRequest } from './contract.js';
import type { Settings } from './settings.js';
import type { StoreCalls } from './store-calls.js';
import type { Proof, Tenure } from './tenure.js';
import type { Tenures } from './tenures.js';

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

/** Extends leases at a third of their ttl, all that are due about now in one call; a failed one is tried again until the deadline. */
export class Renewer {
  readonly #settings: Settings;
  readonly #calls: StoreCalls;
  readonly #tenures: Tenures;

  constructor(settings: Settings, calls: StoreCalls, tenures: Tenures) {
    this.#settings = settings;
    this.#calls = calls;
    this.#tenures = tenures;
  }

  /** Extends the tenure no later than `delayMs` from now, whether it is renewed by itself or not. */
  within(tenure: Tenure, delayMs: number): void {
    tenure.renewAtMs = Math.min(tenure.renewAtMs, this.#settings.clock.monotonicMs() + delayMs);
    this.#tenures.moved(tenure);
  }

  /** Extends one lease now, after any extension of it that is under way. */
  async extend(tenure: Tenure, ttlMs: number): Promise<Extension> {
    while (tenure.extending) await tenure.extending;
    if (!this.#tenures.certain(tenure)) return 'lost';
    const [outcome] = await this.#send([{ tenure, ttlMs }]);
    return outcome ?? 'lost';
  }

  /** Extends what is due about now. */
  renewDue(): void {
    const nowMs = this.#settings.clock.monotonicMs();
    const all = this.#tenures
      .all()
      .filter((tenure) => renewalDueMs(tenure) - nowMs <= (tenure.ttlMs / 3) * gatherPart)
      .filter((tenure) => this.#tenures.certain(tenure));
    for (let from = 0; from < all.length; from += largestBatch) {
      const batch = all.slice(from, from + largestBatch).map((tenure) => ({ tenure, ttlMs: tenure.ttlMs }));
      void this.#send(batch);
    }
  }

  /** Never rejects: the outcomes say what failed. */
  async #send(batch: readonly { readonly tenure: Tenure; readonly ttlMs: number }[]): Promise<readonly Extension[]> {
    const sent = this.#tenures.sent();
    let timeoutMs = this.#calls.timeoutMs;
    const extensions = batch.map(({ tenure, ttlMs }) => {
      const proof = this.#tenures.proof(sent, ttlMs);
      tenure.extensionSent(proof);
      this.#tenures.moved(tenure);
      // A third of the ttl, so that a lost answer leaves time for another attempt; and never past the deadline.
      timeoutMs = Math.min(timeoutMs, Math.max(tenure.ttlMs / 3, 1), Math.max(tenure.deadlineMs - sent.sentMs, 1));
      return { tenure, proof, request: requestFor(tenure, ttlMs) };
    });
    const requests = extensions.map(({ request }) => request);
    const call = this.#calls.start(
      'extend',
      batch.length,
      timeoutMs,
      (options) => this.#calls.store.extend(requests, options),
      (replies) => batch.forEach(({ tenure }, index) => this.#late(tenure, replies[index])),
    );
    const done = call.answer.then(
      (replies) => extensions.map((extension, index) => this.#settle(extension, replies[index])),
      (error: unknown) => batch.map(({ tenure }) => this.#failed(tenure, error)),
    );
    for (const { tenure } of batch) tenure.extending = done;
    const outcomes = await done;
    for (const [index, { tenure }] of batch.entries()) {
      tenure.extending = undefined;
      if (!tenure.ended) this.#tenures.moved(tenure);
      this.#count(outcomes[index]!);
    }
    return outcomes;
  }

  #settle({ tenure, proof, request }: Sending, reply: ExtendReply | undefined): Extension {
    if (!this.#tenures.certain(tenure)) {
      this.#late(tenure, reply);
      return 'lost';
    }
    if (reply?.extended !== true) {
      this.#tenures.lose(tenure, reply?.reason ?? 'stolen');
      return 'lost';
    }
    if (request.holder && request.holder.fencingToken === tenure.lease?.fencingToken) tenure.stale = false;
    tenure.extended(proof);
    return 'ok';
  }

  /** The store extended a lease whose deadline passed here meanwhile: nobody holds it, so it is not kept from others. */
  #late(tenure: Tenure, reply: ExtendReply | undefined): void {
    if (tenure.ended === 'expired' && reply?.extended) this.#calls.discard(tenure.named());
  }

  #failed(tenure: Tenure, error: unknown): Extension {
    tenure.failures += 1;
    if (!tenure.renew && !tenure.stale) return { error };
    const nowMs = this.#settings.clock.monotonicMs();
    // Further apart while there is time, and closer again towards the deadline.
    const retryMs = Math.min(1_000, (tenure.ttlMs / 12) * tenure.failures, (tenure.deadlineMs - nowMs) / 2);
    tenure.renewAtMs = nowMs + Math.max(retryMs, tenure.ttlMs / 50) * (0.75 + Math.random() / 4);
    return { error };
  }

  #count(extension: Extension): void {
    this.#settings.tell('onExtend', () => ({ outcome: typeof extension === 'string' ? extension : 'error' }));
  }
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
