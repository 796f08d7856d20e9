import type { Results, Sample } from './table.js';

/** Samples by workload, then contestant, in the order of the rounds. */
export type Samples = Map<string, Map<string, Sample[]>>;

/** The middle of `values`; the mean of the two middle ones when they are even in number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)] as number;
  return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Reads samples the way rows ask for them; throws on a name that was not measured. */
export function resultsOf(samples: Samples): Results {
  function of(workload: string, contestant: string, detail?: string): number[] {
    const rounds = samples.get(workload)?.get(contestant);
    if (!rounds) throw new Error(`No samples of ${contestant} in ${workload}`);
    return rounds.map((sample) => {
      const value = detail === undefined ? sample.value : sample.details?.[detail];
      if (value === undefined) throw new Error(`No ${detail} in the samples of ${contestant} in ${workload}`);
      return value;
    });
  }
  return {
    median: (workload, contestant, detail) => median(of(workload, contestant, detail)),
    ratio(dividend, divisor) {
      const divisors = of(...divisor);
      return median(of(...dividend).map((value, i) => value / (divisors[i] as number)));
    },
    best(workload, contestants) {
      const medians = contestants.map((name) => ({ name, value: median(of(workload, name)) }));
      return medians.reduce((best, other) => (other.value > best.value ? other : best)).name;
    },
  };
}
