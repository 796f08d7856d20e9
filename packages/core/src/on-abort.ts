/** What is told of an abort. */
export interface AbortListener {
  handleEvent(): void;
}

const listeners = new WeakMap<AbortSignal, Set<AbortListener>>();

/** Those who are told when the signal aborts. However many they are, the signal has one listener, which stays: Node warns from the eleventh on. */
export function abortListeners(signal: AbortSignal | undefined): Set<AbortListener> | undefined {
  if (signal && !listeners.has(signal)) {
    const all = new Set<AbortListener>();
    listeners.set(signal, all);
    signal.addEventListener('abort', () => all.forEach((each) => each.handleEvent()));
  }
  return listeners.get(signal!);
}
