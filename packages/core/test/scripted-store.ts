import { decideStep } from '../src/limits/decide.js';
import { StoreError } from '../src/errors.js';
import type { Clock } from '../src/clock.js';
import type { LimiterCapabilities, LimiterResult, LimiterStep, LimiterStore } from '../src/limits/contract.js';
import type { LimiterRecord } from '../src/limits/record.js';

/** A round trip that a {@link ScriptedStore} holds back until the test says how it ends. */
export interface HeldCall {
  readonly steps: readonly LimiterStep[];
  readonly signal: AbortSignal | undefined;
  /** Decides the steps by the definition and answers. */
  answer(): void;
  /** Decides the steps and loses the reply. */
  lose(): void;
  /** Fails without having decided. */
  fail(error?: unknown): void;
  /** Answers with these results. */
  reply(results: readonly LimiterResult[]): void;
}

/** A correct store whose every round trip a test can hold, lose or fail: what core makes of that is what is tested. */
export class ScriptedStore implements LimiterStore {
  readonly name: string;
  readonly clock = 'client';
  readonly capabilities: LimiterCapabilities;
  readonly records: Map<string, LimiterRecord> = new Map();
  readonly calls: HeldCall[] = [];
  /** `answer`: at once; `hold`: when the test says so; `fail`: at once, with a connection error. */
  mode: 'answer' | 'hold' | 'fail' = 'answer';
  lane?: (key: string) => string;
  readonly #time: Clock;

  constructor(time: Clock, options: { name?: string; capabilities?: Partial<LimiterCapabilities> } = {}) {
    this.#time = time;
    this.name = options.name ?? 'scripted';
    this.capabilities = {
      maxSlidingLogLimit: 1000,
      maxBatchSteps: 100,
      maxStepOps: 100,
      removalLagMs: 0,
      ...options.capabilities,
    };
  }

  decide(
    steps: readonly LimiterStep[],
    { signal }: { readonly signal?: AbortSignal },
  ): Promise<readonly LimiterResult[]> {
    return new Promise((resolve, reject) => {
      const call: HeldCall = {
        steps,
        signal,
        answer: () => resolve(this.#apply(steps)),
        lose: () => void this.#apply(steps),
        fail: (error = new StoreError('down', { store: this.name, kind: 'connection' })) => reject(error as Error),
        reply: resolve,
      };
      this.calls.push(call);
      if (this.mode === 'answer') call.answer();
      if (this.mode === 'fail') call.fail();
    });
  }

  async close(): Promise<void> {
    this.mode = 'fail';
  }

  /** The steps of every round trip so far, as `key×operations`. */
  get trips(): string[][] {
    return this.calls.map(({ steps }) => steps.map(({ key, ops }) => `${key}×${ops.length}`));
  }

  #apply(steps: readonly LimiterStep[]): LimiterResult[] {
    return steps.map(({ key, limits, ops }) => {
      const { record, result } = decideStep(this.records.get(key), limits, ops, this.#time.nowUs());
      if (record) this.records.set(key, record);
      else this.records.delete(key);
      return result;
    });
  }
}
