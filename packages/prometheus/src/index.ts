export { prometheusHooks } from './hooks.js';
export type { PrometheusOptions } from './hooks.js';
export { metricDefinitions } from './definitions.js';
export type { MetricDefinition, MetricId } from './definitions.js';
