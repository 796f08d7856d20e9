/** What one round of a contestant came to: the value the table compares, in the workload's unit, and anything else worth showing. */
export interface Sample {
  readonly value: number;
  readonly details?: Readonly<Record<string, number>>;
}

/** A contestant that is set up and warm in its own process. */
export interface Runner {
  /** Works for about `ms` (once, whatever `ms` says, where time is not what is measured). */
  round(ms: number): Promise<Sample>;
  close?(): Promise<void>;
}

/** Sets a contestant up, in its own process. `env` is what the table's `setup` returned, such as a server's address. */
export type Contestant = (env: Readonly<Record<string, string>>) => Promise<Runner>;

/** One thing that is measured, by all its contestants in turn. */
export interface Workload {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  /** Rounds that count and their length, milliseconds; default 9 of 400. One round is for what does not drift, such as bytes. */
  readonly rounds?: { readonly count: number; readonly ms: number };
  /** Contestants work one after another, each alone, because they would disturb each other even between their rounds. */
  readonly apart?: boolean;
  /** A round lasts as long as `--minutes` says, where it is given. */
  readonly lastsMinutes?: boolean;
  readonly contestants: Readonly<Record<string, Contestant>>;
}

/** Every round of every contestant of a table. */
export interface Results {
  /** Median over the rounds of a contestant's value, or of one of its details. */
  median(workload: string, contestant: string, detail?: string): number;
  /** Median over the rounds of the ratio of two contestants in the same round; they may be of two workloads of equally many rounds. */
  ratio(
    of: readonly [workload: string, contestant: string],
    to: readonly [workload: string, contestant: string],
  ): number;
  /** The contestant with the highest median among `contestants`. */
  best(workload: string, contestants: readonly string[]): string;
}

/** One line of the final table: a number with what it must and should be. */
export interface Row {
  readonly title: string;
  readonly unit: string;
  readonly must?: { readonly atLeast: number } | { readonly atMost: number };
  readonly goal?: { readonly atLeast: number } | { readonly atMost: number };
  /** The number, and what it was compared with if that was only known afterwards. */
  readonly value: (results: Results) => number | { readonly value: number; readonly against: string };
}

/** A small plot of a workload whose contestants are numbers: their medians over those numbers. */
export interface Plot {
  readonly workload: string;
  readonly title: string;
  /** What grows. */
  readonly x: string;
  /** What one operation costs. */
  readonly y: string;
}

/** One table of the report. To add one, write a file in `tables/` that exports it, and name it in `tables/index.ts`. */
export interface Table {
  readonly name: string;
  readonly title: string;
  /** What is measured and how, for the reader of `docs/benchmarks.md`. */
  readonly about: string;
  /** Packages whose versions the report states. */
  readonly packages: readonly string[];
  readonly workloads: readonly Workload[];
  readonly rows: readonly Row[];
  /** Drawn beside the report, in `docs/plots/`. */
  readonly plots?: readonly Plot[];
  /** Starts what the contestants share; runs once, in the parent. */
  setup?(): Promise<{ readonly env: Readonly<Record<string, string>>; stop(): Promise<void> }>;
}
