import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Sample } from './table.js';

/** What the parent asks of a contestant's process. */
export type Request = { readonly kind: 'round'; readonly ms: number } | { readonly kind: 'close' };

/** What the process answers; one answer to each request, and `ready` once at the start. */
export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'sample'; readonly sample: Sample }
  | { readonly kind: 'failed'; readonly error: string };

/** A contestant in a process of its own, so that no garbage, inlining or timer of one slows another. */
export interface ContestantProcess {
  round(ms: number): Promise<Sample>;
  close(): Promise<void>;
}

/** Starts one and resolves when it is set up and warm. */
export async function startContestant(
  table: string,
  workload: string,
  contestant: string,
  env: Readonly<Record<string, string>>,
): Promise<ContestantProcess> {
  const child = fork(
    fileURLToPath(new URL('./worker.js', import.meta.url)),
    [table, workload, contestant, JSON.stringify(env)],
    {
      execArgv: ['--expose-gc'],
    },
  );
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });

  function reply(): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const onMessage = (message: unknown): void => settle(() => resolve(message as Reply));
      const onExit = (code: number | null): void =>
        settle(() => reject(new Error(`The process of ${contestant} in ${table}/${workload} ended with ${code}`)));
      function settle(done: () => void): void {
        child.off('message', onMessage);
        child.off('exit', onExit);
        done();
      }
      child.once('message', onMessage);
      child.once('exit', onExit);
    });
  }

  function failure({ kind, ...rest }: Reply): Error {
    return new Error(`${contestant} in ${table}/${workload}: ${'error' in rest ? rest.error : `unexpected ${kind}`}`);
  }

  const first = await reply();
  if (first.kind !== 'ready') throw failure(first);
  return {
    async round(ms) {
      const answered = reply();
      child.send({ kind: 'round', ms } satisfies Request);
      const answer = await answered;
      if (answer.kind !== 'sample') throw failure(answer);
      return answer.sample;
    },
    async close() {
      if (child.connected) child.send({ kind: 'close' } satisfies Request);
      const late = setTimeout(() => child.kill('SIGKILL'), 5000);
      await exited;
      clearTimeout(late);
    },
  };
}
