const listening = new WeakMap<AbortSignal, Set<() => void>>();

/** Runs `run` when the signal aborts; returns how to stop listening. However many listen, the signal has one listener: Node warns from the eleventh on. */
export function onAbort(signal: AbortSignal, run: () => void): () => void {
  const runs = listening.get(signal) ?? listen(signal);
  runs.add(run);
  return () => void runs.delete(run);
}

/** The listener stays until the signal aborts or is forgotten; while nobody listens it does nothing. */
function listen(signal: AbortSignal): Set<() => void> {
  const runs = new Set<() => void>();
  listening.set(signal, runs);
  signal.addEventListener(
    'abort',
    () => {
      for (const run of runs) run();
    },
    { once: true },
  );
  return runs;
}
