import { limiterProperties } from '../limits/properties/index.js';
import { lockProperties } from '../locks/properties/index.js';
import type { ConformanceReport } from './report.js';

/** What a report says of a property before it was run. */
export interface PropertyName {
  readonly suite: ConformanceReport['suite'];
  readonly id: string;
  readonly title: string;
}

/** Every property of both suites, in the order in which they run. */
export const propertyNames: readonly PropertyName[] = [
  ...limiterProperties.map(({ id, title }) => ({ suite: 'limiter' as const, id, title })),
  ...lockProperties.map(({ id, title }) => ({ suite: 'lock' as const, id, title })),
];
