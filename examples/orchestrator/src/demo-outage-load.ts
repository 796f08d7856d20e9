import { monitorEventLoopDelay } from 'node:perf_hooks';

/** One call of the load, as the caller saw it. Instants are on the monotonic clock. */
export interface CallRecord {
  readonly instance: number;
  readonly sentMs: number;
  readonly endedMs: number;
  readonly outcome: 'admitted' | 'denied' | 'error';
  /** Who decided: `store`, `cache` or `fallback`; for an error, what went wrong. */
  readonly source: string;
}

/** A running load. */
export interface Load {
  readonly calls: readonly CallRecord[];
  /** Calls under way. */
  readonly pending: number;
  /** The longest that this process's own event loop kept a call waiting so far: no fault of the service. */
  readonly lagMs: number;
  /** Sends no more; resolves when the last call has ended. */
  stop(): Promise<void>;
}

const tickMs = 10;

/**
 * Sends `POST /tasks` of one tenant to the instances in turn, `callsPerSecond` in all, whether or not earlier calls have ended: a slow reply delays nobody, so
 * it is seen as it is.
 */
export function startLoad(urls: readonly string[], callsPerSecond: number): Load {
  const calls: CallRecord[] = [];
  const pending = new Set<Promise<void>>();
  const delay = monitorEventLoopDelay({ resolution: tickMs });
  delay.enable();
  const startMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - startMs) / 1000) * callsPerSecond;
    for (; sent < due; sent += 1) {
      const instance = sent % urls.length;
      const call = send(urls[instance] as string, instance).then((record) => {
        calls.push(record);
        pending.delete(call);
      });
      pending.add(call);
    }
  }, tickMs);
  return {
    calls,
    get pending() {
      return pending.size;
    },
    get lagMs() {
      return delay.max / 1e6;
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(pending);
      delay.disable();
    },
  };
}

async function send(url: string, instance: number): Promise<CallRecord> {
  const sentMs = performance.now();
  const ended = (outcome: CallRecord['outcome'], source: string): CallRecord => ({
    instance,
    sentMs,
    endedMs: performance.now(),
    outcome,
    source,
  });
  try {
    const response = await fetch(`${url}/tasks`, { method: 'POST', headers: { 'x-tenant': 'acme' } });
    const { source } = (await response.json()) as { source?: string };
    if (response.status === 202 && source !== undefined) return ended('admitted', source);
    if (response.status === 429 && source !== undefined) return ended('denied', source);
    return ended('error', `status ${response.status}`);
  } catch (error) {
    // Counted and shown: the demonstration claims that there are none.
    return ended('error', error instanceof Error ? `${error.message} (${String(error.cause)})` : String(error));
  }
}

/** One call to each instance for another tenant, so that connections and compiled code are there when the counting begins. */
export async function warmUp(urls: readonly string[]): Promise<void> {
  await Promise.all(
    urls.map(async (url) => {
      const response = await fetch(`${url}/tasks`, { method: 'POST', headers: { 'x-tenant': 'warm-up' } });
      if (response.status !== 202) throw new Error(`Expected the first call to be admitted, got ${response.status}`);
    }),
  );
}
