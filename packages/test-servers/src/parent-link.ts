import { createInterface } from 'node:readline';

/** The other end of `spawnNode`, for use inside the program it runs. */
export interface ParentLink {
  /** Says something to the test. */
  send(message: unknown): void;
  /** What the test sends, in order; ends when the test closes the pipe or dies. */
  readonly messages: AsyncIterable<unknown>;
}

/** Joins a program that `spawnNode` runs to its test. Call it once; nothing else may write to stdout. */
export function parentLink(): ParentLink {
  const lines = createInterface({ input: process.stdin });
  return {
    send: (message) => void process.stdout.write(`${JSON.stringify(message)}\n`),
    messages: (async function* () {
      for await (const line of lines) yield JSON.parse(line) as unknown;
    })(),
  };
}
