import { startProcesses } from './process-group.js';
import type { Runner } from './table.js';

/** Takes the lock and resolves to how it is released. */
export type Take = () => Promise<() => unknown>;

/** `count` contenders for one lock, each with `workMs` of work at a time; counts hand-offs a second and how evenly they fall. */
export function contenders(count: number, take: Take, workMs = 1): Runner {
  return {
    async round(ms) {
      const turns = new Array<number>(count).fill(0);
      const began = performance.now();
      let inside = 0;
      async function contend(contender: number): Promise<void> {
        while (performance.now() - began < ms) {
          const release = await take();
          inside++;
          if (inside > 1) throw new Error('Two contenders hold the lock');
          await new Promise((resolve) => {
            setTimeout(resolve, workMs);
          });
          turns[contender] = (turns[contender] as number) + 1;
          inside--;
          await release();
        }
      }
      await Promise.all(turns.map((_, contender) => contend(contender)));
      const elapsedMs = performance.now() - began;
      const total = turns.reduce((sum, n) => sum + n, 0);
      return { value: (total / elapsedMs) * 1000, details: { jain: jainIndex(turns) } };
    },
  };
}

/** What a process of contenders says of a round. */
interface ContenderReply {
  readonly turns: readonly number[];
  readonly elapsedMs: number;
}

/** Contenders for one lock in processes of their own, each with 1 ms of work at a time: `program` once for each list of arguments. Counts as {@link contenders} does. */
export async function contenderProcesses(program: URL, args: readonly (readonly string[])[]): Promise<Runner> {
  const { work, close } = await startProcesses<ContenderReply>(program, args);
  return {
    async round(ms) {
      const replies = await work(ms);
      const turns = replies.flatMap((reply) => reply.turns);
      const total = turns.reduce((sum, n) => sum + n, 0);
      const elapsedMs = Math.max(...replies.map((reply) => reply.elapsedMs));
      return { value: (total / elapsedMs) * 1000, details: { jain: jainIndex(turns) } };
    },
    close,
  };
}

/** Jain's fairness index: 1 when all are equal, 1/n when one has everything. */
export function jainIndex(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share * share, 0);
  return squares === 0 ? 1 : (sum * sum) / (shares.length * squares);
}
