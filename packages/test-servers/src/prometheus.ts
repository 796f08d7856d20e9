import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { requireBinary } from './binaries.js';
import { startOwnedServer } from './owned-server.js';
import { answersHttp } from './probes.js';
import type { TestServer } from './server.js';

/** How to start a Prometheus. */
export interface PrometheusOptions {
  /** The text of `prometheus.yml`. Rule files are named by absolute path. */
  readonly config: string;
  /** Further command-line arguments. */
  readonly args?: readonly string[];
}

/** Starts a Prometheus with this configuration; its API is below `url`. A restart keeps what it scraped unless emptied. */
export function startPrometheus(options: PrometheusOptions): Promise<TestServer> {
  const command = requireBinary('prometheus');
  return startOwnedServer({
    name: 'prometheus',
    url: (port) => `http://127.0.0.1:${port}`,
    prepare: (directory) => writeFile(path.join(directory, 'prometheus.yml'), options.config),
    process: (directory, port) => ({
      command,
      args: [
        `--config.file=${path.join(directory, 'prometheus.yml')}`,
        `--storage.tsdb.path=${path.join(directory, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        ...(options.args ?? []),
      ],
      ready: () => answersHttp(port, '/-/ready', [200]),
    }),
  });
}
