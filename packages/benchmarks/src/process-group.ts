import { fileURLToPath } from 'node:url';
import { spawnNode } from '@headgate/test-servers';

/** Processes of one program that work at the same time. */
export interface ProcessGroup<Reply> {
  /** Lets all of them work for about `ms`; what each came to. */
  work(ms: number): Promise<readonly Reply[]>;
  close(): Promise<void>;
}

/** Starts a process of `program` for each list of arguments. Each says when it is ready, and answers `{ ms }` when it has worked for so long. */
export async function startProcesses<Reply>(
  program: URL,
  args: readonly (readonly string[])[],
): Promise<ProcessGroup<Reply>> {
  const file = fileURLToPath(program);
  const children = await Promise.all(args.map((each) => spawnNode(file, [...each])));
  await Promise.all(children.map((child) => child.next({ timeoutMs: 60_000 })));
  return {
    work(ms) {
      for (const child of children) child.send({ ms });
      return Promise.all(children.map((child) => child.next<Reply>({ timeoutMs: ms + 60_000 })));
    },
    close: async () => void (await Promise.all(children.map((child) => child.kill()))),
  };
}
