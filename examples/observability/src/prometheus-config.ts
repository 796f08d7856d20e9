import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** This example's folder. */
export const kitFolder: string = fileURLToPath(new URL('..', import.meta.url));

/** What a Prometheus started from here differs in from `prometheus.yml`. */
export interface ConfigChanges {
  /** `host:port` of the instances. */
  readonly targets: readonly string[];
  /** Seconds between scrapes, and between evaluations of the rules. */
  readonly intervalSeconds: number;
  /** Folder with `recording.yml` and `alerts.yml`; this example's own by default. */
  readonly rules?: string;
}

/** The text of `prometheus.yml` with other targets and intervals, and its rule files by absolute path. Throws when the file no longer has what is to be changed. */
export async function prometheusConfig(changes: ConfigChanges): Promise<string> {
  const { targets, intervalSeconds, rules = `${kitFolder}rules` } = changes;
  let text = await readFile(`${kitFolder}prometheus.yml`, 'utf8');
  const replace = (pattern: RegExp, by: string): void => {
    if (!pattern.test(text)) throw new Error(`Expected prometheus.yml to match ${pattern}`);
    text = text.replace(pattern, by);
  };
  replace(/(?<=_interval: )15s/g, `${intervalSeconds}s`);
  replace(/(?<=- )rules(?=\/)/g, rules);
  replace(/(?<=- targets: )\[.*\]/, JSON.stringify(targets));
  return text;
}
