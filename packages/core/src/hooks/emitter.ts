import { channel } from 'node:diagnostics_channel';
import type { Channel } from 'node:diagnostics_channel';
import { checkOptions, functionOption, optional } from '../validate.js';
import type { Checks } from '../validate.js';
import type { DeclaredSeries, HookEvents, Hooks } from './events.js';

type HookName = keyof HookEvents;

const hookNames: readonly HookName[] = [
  'onDecision',
  'onRefund',
  'onLimiterWait',
  'onStoreCall',
  'onFallback',
  'onAcquire',
  'onLeaseEnd',
  'onLockLost',
  'onExtend',
  'onRelease',
  'onSessionRelease',
  'onWaiters',
  'onStoreKeys',
  'onClockSkew',
  'onHookError',
];

/** Name of the `node:diagnostics_channel` that carries a hook's events: `headgate:` and the hook's name without `on`, as in `headgate:Decision`. */
export function hookChannelName(hook: HookName): string {
  return `headgate:${hook.slice(2)}`;
}

const channels = Object.fromEntries(hookNames.map((name) => [name, channel(hookChannelName(name))])) as {
  readonly [name in HookName]: Channel;
};

const hookChecks = Object.fromEntries(
  [...hookNames, 'onDeclare'].map((name) => [name, optional(functionOption, undefined)]),
) as Checks<Hooks>;

/** Hands events to hooks and diagnostics channels; ask `wants` before building one on a hot path. */
export class Emitter {
  readonly #hooks: Hooks;

  /** Throws {@link InvalidArgumentError} for an unknown hook, and for one that is no function. */
  constructor(hooks: Hooks | undefined) {
    this.#hooks = checkOptions('hooks', hooks ?? {}, hookChecks);
  }

  wants(name: HookName): boolean {
    return this.#hooks[name] !== undefined || channels[name].hasSubscribers;
  }

  /** {@link wants} of one name, for a hot path: no look-up by name. */
  interest(name: HookName): () => boolean {
    const isHooked = this.#hooks[name] !== undefined;
    const diagnostics = channels[name];
    return () => isHooked || diagnostics.hasSubscribers;
  }

  emit<N extends HookName>(name: N, event: HookEvents[N]): void {
    if (!this.wants(name)) return;
    Object.freeze(event);
    const hook = this.#hooks[name] as ((event: HookEvents[N]) => void) | undefined;
    if (hook) this.#call(name, () => hook(event));
    // Node reports what a subscriber throws as an uncaught exception of its own, later; publish itself does not throw.
    channels[name].publish(event);
  }

  declare(series: DeclaredSeries): void {
    const hook = this.#hooks.onDeclare;
    if (hook) this.#call('onDeclare', () => hook(Object.freeze(series)));
  }

  #call(name: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      // An observer must not change an outcome; what it threw is reported, unless the report is what threw.
      if (name !== 'onHookError') this.emit('onHookError', { hook: name, error });
    }
  }
}
