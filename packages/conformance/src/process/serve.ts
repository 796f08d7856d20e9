/** What the suite sends a holder program. */
export interface HolderRequest {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** What the program answers; id 0 means that it is ready. */
export interface HolderReply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly name: string; readonly message: string; readonly code?: string };
}

/** Methods that a holder program offers, by name. */
export type HolderMethods = Readonly<Record<string, (...args: never[]) => unknown>>;

/**
 * Serves `methods` to the suite that started this process, over its IPC channel, until the suite goes away: then the process ends.
 * Throws in a process that was not started with such a channel.
 */
export function serveHolder(methods: HolderMethods): void {
  const send = process.send?.bind(process);
  if (!send) throw new Error('serveHolder is for programs that the conformance suite starts');
  // The suite going away must not leave processes behind.
  process.on('disconnect', () => process.exit(0));
  process.on('message', (request: HolderRequest) => {
    void answer(methods, request).then((reply) => send(reply));
  });
  send({ id: 0 } satisfies HolderReply);
}

async function answer(methods: HolderMethods, { id, method, args }: HolderRequest): Promise<HolderReply> {
  try {
    const run = methods[method];
    if (!run) throw new Error(`The program serves no method '${method}'`);
    return { id, value: await run(...(args as never[])) };
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string };
    return { id, error: { name, message, ...(code === undefined ? {} : { code }) } };
  }
}
