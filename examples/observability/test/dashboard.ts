import { readFile } from 'node:fs/promises';
import { kitFolder } from '../src/prometheus-config.js';

/** A panel of the dashboard, as far as the tests read it. */
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

/** A variable of the dashboard. */
export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly definition?: string;
}

/** The dashboard, parsed. */
export interface Dashboard {
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
}

export async function readDashboard(): Promise<Dashboard> {
  return JSON.parse(await readFile(`${kitFolder}grafana/headgate.json`, 'utf8')) as Dashboard;
}

/**
 * The expressions of a dashboard by `panel title: letter`, with its variables set to any value that is not empty (a label that does not exist
 * matches `.*`) and its interval to `interval`.
 */
export function expressionsOf(dashboard: Dashboard, interval: string): Map<string, string> {
  const expressions = new Map<string, string>();
  for (const { title, targets = [] } of dashboard.panels) {
    targets.forEach(({ expr }, i) => {
      const set = expr.replaceAll('$__rate_interval', interval).replaceAll(/\$(limiter|lock|store)\b/g, '.+');
      expressions.set(`${title}: ${'ABCDEF'[i]}`, set);
    });
  }
  return expressions;
}
