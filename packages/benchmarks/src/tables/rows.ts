import type { Row } from '../table.js';

/** Headgate's decisions in a workload, to those of rate-limiter-flexible. */
export function toFlexible(
  title: string,
  workload: string,
  bounds?: { readonly must: number; readonly goal: number },
): Row {
  return {
    title: `${title}, to rate-limiter-flexible`,
    unit: 'x',
    ...(bounds && { must: { atLeast: bounds.must }, goal: { atLeast: bounds.goal } }),
    value: ({ ratio }) => ratio([workload, 'headgate'], [workload, 'rate-limiter-flexible']),
  };
}

/** How evenly hand-offs fall among contenders that are split over processes like this. */
export function evenly(split: string): Row {
  return {
    title: `Jain's index, contenders ${split}`,
    unit: '',
    must: { atLeast: 0.95 },
    value: ({ median }) => median('contended', `headgate, ${split}`, 'jain'),
  };
}
