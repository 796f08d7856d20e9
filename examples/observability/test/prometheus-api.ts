/** A rule as a Prometheus that loaded it tells it. */
export interface LoadedRule {
  readonly name: string;
  readonly query: string;
  readonly type: 'alerting' | 'recording';
  readonly health: string;
  readonly lastError?: string;
}

/** What Prometheus answers to a query; throws when it finds the query wrong. */
async function get<T>(base: string, path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
  const response = await fetch(`${base}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`);
  const body = (await response.json()) as { status: string; error?: string; data: T };
  if (body.status !== 'success') throw new Error(`${path} ${JSON.stringify(parameters)}: ${body.error}`);
  return body.data;
}

/** One series of an instant query's answer. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The answer to an instant query; series whose value is no number (0 / 0) are left out. */
export async function query(base: string, expression: string): Promise<readonly Series[]> {
  const { result } = await get<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
    base,
    'query',
    { query: expression },
  );
  return result
    .map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
    .filter(({ value }) => !Number.isNaN(value));
}

/** Every rule that was loaded. */
export async function rules(base: string): Promise<readonly LoadedRule[]> {
  const { groups } = await get<{ groups: { rules: LoadedRule[] }[] }>(base, 'rules');
  return groups.flatMap((group) => group.rules);
}

/** Names of the alerts that fire now. */
export async function firing(base: string): Promise<readonly string[]> {
  const { alerts } = await get<{ alerts: { state: string; labels: { alertname: string } }[] }>(base, 'alerts');
  return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
}

/** Names of all metrics that were scraped, with or without series. */
export async function metricNames(base: string): Promise<readonly string[]> {
  return Object.keys(await get<Record<string, unknown>>(base, 'metadata'));
}

/** Values of a label over the series of a metric. */
export function labelValues(base: string, metric: string, label: string): Promise<readonly string[]> {
  return get(base, `label/${label}/values`, { 'match[]': metric });
}
