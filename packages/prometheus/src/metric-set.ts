import * as client from 'prom-client';
import { metricDefinitions } from './definitions.js';
import type { MetricId } from './definitions.js';

type Labels = Readonly<Record<string, string>>;
interface Series {
  add(value: number): void;
  set(value: number): void;
}

const ignoreSet = (): void => undefined;

/** The series of a histogram that somebody has made or observed, in whichever set: `zero` would take back what was observed. */
const begun = new WeakMap<client.Metric, Set<string>>();

/**
 * The metrics of one registry. Metrics that another set registered there already are shared, and the series of a label set is looked up once, since
 * prom-client hashes labels at every call.
 */
export class MetricSet {
  readonly #registry: client.Registry;
  readonly #exemplarLabels: (() => Labels | undefined) | undefined;
  readonly #series = new Map<string, Series>();

  constructor(registry: client.Registry, exemplarLabels: (() => Labels | undefined) | undefined) {
    this.#registry = registry;
    this.#exemplarLabels = exemplarLabels;
    for (const id of Object.keys(metricDefinitions) as MetricId[]) this.#metric(id);
  }

  /** Makes the series appear, at 0 when it is a counter or gauge and without observations when it is a histogram. */
  touch(id: MetricId, ...labelValues: readonly string[]): void {
    if (metricDefinitions[id].type !== 'histogram') return this.#of(id, labelValues).add(0);
    const histogram = this.#metric(id) as client.Histogram;
    if (begin(histogram, labelValues)) histogram.zero(toLabels(id, labelValues));
  }

  /** Adds to a counter or gauge, or observes in a histogram (seconds). */
  add(id: MetricId, value: number, ...labelValues: readonly string[]): void {
    this.#of(id, labelValues).add(value);
  }

  /** Sets a gauge. */
  set(id: MetricId, value: number, ...labelValues: readonly string[]): void {
    this.#of(id, labelValues).set(value);
  }

  #of(id: MetricId, labelValues: readonly string[]): Series {
    // Label values are configured names and closed lists, so NUL cannot occur in them and the map stays small.
    const cacheKey = `${id}\0${labelValues.join('\0')}`;
    let series = this.#series.get(cacheKey);
    if (!series) {
      begin(this.#metric(id), labelValues);
      series = this.#open(id, toLabels(id, labelValues));
      this.#series.set(cacheKey, series);
    }
    return series;
  }

  #open(id: MetricId, labels: Labels): Series {
    const metric = this.#metric(id);
    if (metricDefinitions[id].type === 'histogram') {
      const histogram = metric as client.Histogram;
      const exemplarLabels = this.#exemplarLabels;
      if (!exemplarLabels) {
        const child = histogram.labels(labels as Record<string, string>);
        return { add: (value) => child.observe(value), set: ignoreSet };
      }
      return {
        add: (value) => histogram.observe({ labels, value, exemplarLabels: exemplarLabels() ?? {} } as never),
        set: ignoreSet,
      };
    }
    if (metricDefinitions[id].type === 'gauge') {
      const child = (metric as client.Gauge).labels(labels as Record<string, string>);
      return { add: (value) => child.inc(value), set: (value) => child.set(value) };
    }
    const child = (metric as client.Counter).labels(labels as Record<string, string>);
    return { add: (value) => child.inc(value), set: ignoreSet };
  }

  #metric(id: MetricId): client.Metric {
    const definition = metricDefinitions[id];
    const existing = this.#registry.getSingleMetric(definition.name);
    if (existing) return existing as client.Metric;
    const common = {
      name: definition.name,
      help: definition.help,
      labelNames: definition.labels,
      registers: [this.#registry],
    };
    switch (definition.type) {
      case 'counter':
        return new client.Counter(common);
      case 'gauge':
        return new client.Gauge({ ...common, aggregator: definition.aggregator ?? 'sum' });
      case 'histogram':
        return new client.Histogram({
          ...common,
          buckets: [...(definition.buckets ?? [])],
          ...(this.#exemplarLabels ? { enableExemplars: true as const } : {}),
        });
    }
  }
}

/** Notes that a series exists; returns whether it is new. */
function begin(metric: client.Metric, labelValues: readonly string[]): boolean {
  const known = begun.get(metric) ?? new Set<string>();
  begun.set(metric, known);
  const before = known.size;
  return known.add(labelValues.join('\0')).size > before;
}

function toLabels(id: MetricId, values: readonly string[]): Labels {
  return Object.fromEntries(metricDefinitions[id].labels.map((label, i) => [label, values[i] ?? '']));
}
