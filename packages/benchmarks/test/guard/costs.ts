/** What a workload cost, by name; each figure is per decision, per pair of calls, or whatever its name says. */
export type Costs = Readonly<Record<string, number>>;

/** The figures of `costs` that exceed their budget, each as a sentence; empty when all are kept. Every figure of the budget must have been counted. */
export function overspent(costs: Costs, budget: Costs): readonly string[] {
  return Object.entries(budget).flatMap(([name, most]) => {
    const cost = costs[name];
    if (cost === undefined || !Number.isFinite(cost)) return [`${name} was not counted`];
    return cost > most ? [`${name}: ${cost}, at most ${most}`] : [];
  });
}
