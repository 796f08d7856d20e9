import { startContestant } from './contestant-process.js';
import type { Samples } from './results.js';
import type { Sample, Table, Workload } from './table.js';

const usualRounds = { count: 9, ms: 400 };

/** How a run differs from the usual. */
export interface RunOptions {
  /** A third of the rounds, a quarter as long: for trying things out, never for the report. */
  readonly quick: boolean;
  /** How long the workloads that are measured in minutes take; what each says itself by default. */
  readonly minutes?: number | undefined;
  readonly progress: (line: string) => void;
}

/** Measures every workload of a table. */
export async function runTable(table: Table, options: RunOptions): Promise<Samples> {
  const shared = await table.setup?.();
  try {
    const samples: Samples = new Map();
    for (const workload of table.workloads) {
      samples.set(workload.id, await runWorkload(table.name, workload, shared?.env ?? {}, options));
    }
    return samples;
  } finally {
    await shared?.stop();
  }
}

async function runWorkload(
  table: string,
  workload: Workload,
  env: Readonly<Record<string, string>>,
  { quick, minutes, progress }: RunOptions,
): Promise<Map<string, Sample[]>> {
  const usual = workload.rounds ?? usualRounds;
  const lasts = workload.lastsMinutes && minutes !== undefined ? minutes * 60_000 : undefined;
  const rounds = {
    count: quick ? Math.ceil(usual.count / 3) : usual.count,
    ms: lasts ?? (quick ? usual.ms / 4 : usual.ms),
  };
  const names = Object.keys(workload.contestants);
  const samples = new Map<string, Sample[]>(names.map((name) => [name, []]));
  // What takes one round takes much memory too, so those run one after another, each in a fresh process.
  if (rounds.count === 1 || workload.apart) {
    for (const name of names) {
      progress(`${table}/${workload.id}: ${name}`);
      const contestant = await startContestant(table, workload.id, name, env);
      if (rounds.count > 1) await contestant.round(rounds.ms); // warms up
      for (let round = 0; round < rounds.count; round++) samples.get(name)?.push(await contestant.round(rounds.ms));
      await contestant.close();
    }
    return samples;
  }
  const contestants = await Promise.all(names.map((name) => startContestant(table, workload.id, name, env)));
  try {
    // The first round warms up. Each round begins with another contestant, so that drift and heat hurt all alike.
    for (let round = -1; round < rounds.count; round++) {
      progress(`${table}/${workload.id}: round ${round + 1} of ${rounds.count}`);
      for (let turn = 0; turn < names.length; turn++) {
        const i = (turn + round + 1) % names.length;
        const sample = await contestants[i]?.round(rounds.ms);
        if (round >= 0 && sample) samples.get(names[i] as string)?.push(sample);
      }
    }
  } finally {
    await Promise.all(contestants.map((contestant) => contestant.close()));
  }
  return samples;
}
