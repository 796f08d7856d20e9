import type { FaultName } from './faults.js';

/** One claim about a store that can fail. `Context` is what its suite opens for it. */
export interface Property<Context> {
  /** Stable name for reports and tables: `subject/claim`, in kebab case. */
  readonly id: string;
  /** The claim, as a sentence. */
  readonly title: string;
  /** Fault hooks without which the property is skipped. */
  readonly faults?: readonly FaultName[];
  /** Why this store cannot be held to the property (a declared capability, a hook that is not given); `undefined` when it can. */
  unless?(context: Context): string | undefined;
  /** Longest run, milliseconds; default 20,000. */
  readonly timeoutMs?: number;
  /** Rejects when the claim does not hold. */
  run(context: Context): Promise<void>;
}

/** The part of a property's id before the slash. */
export function subjectOf(property: { readonly id: string }): string {
  return property.id.slice(0, property.id.indexOf('/'));
}
