import type { FaultName } from './faults.js';

/**
 * Where a store keeps its data: behind a server, on a disk that processes of one machine share, or in the memory of one process. Of a
 * hook that is missing although the medium rules it out a skip says so; a hook that is given is used, whatever the medium.
 */
export type Medium = 'server' | 'disk' | 'process';

/** What a store's test may give besides the store, and what a store may have, by the name under which skips speak of it. */
export type HookName = FaultName | 'lane' | 'program' | 'setup' | 'writeForeignRecord';

const noServer = 'there is no server';
const noConnection = 'there is no connection';

const onDisk: Partial<Record<HookName, string>> = {
  kill: noServer,
  pause: noServer,
  resume: noServer,
  restartStore: noServer,
  dropConnections: noConnection,
  blackhole: noConnection,
  dropReply: noConnection,
  heal: noConnection,
};

const ruledOut: Record<Medium, Partial<Record<HookName, string>>> = {
  server: {},
  disk: onDisk,
  process: {
    ...onDisk,
    skewClock: 'it and whoever asks have one clock',
    lane: 'there are no round trips to gather calls for',
    program: 'no other process reaches its data',
    setup: 'there is nothing to set up',
    writeForeignRecord: 'no other version of its code reaches its data',
  },
};

const kinds: Record<Medium, string> = { server: 'server', disk: 'local', process: 'process-local' };

/** Why no store in this medium has any of `hooks`; `undefined` when one could. */
export function cannotHave(medium: Medium, hooks: readonly HookName[]): string | undefined {
  const reasons = new Set(hooks.flatMap((hook) => ruledOut[medium][hook] ?? []));
  return reasons.size > 0 ? `a ${kinds[medium]} store cannot have it: ${[...reasons].join(', ')}` : undefined;
}
