import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { ServerUnavailableError } from './errors.js';

const require = createRequire(import.meta.url);

/** The folder of an installed npm package, also of one whose `exports` hide its files. */
export function packageFolder(name: string): string {
  const candidates = require.resolve.paths(name) ?? [];
  const folder = candidates.map((directory) => path.join(directory, name)).find((directory) => existsSync(directory));
  if (folder !== undefined) return folder;
  throw new ServerUnavailableError(
    `The npm package ${name} is not installed. Run \`npm ci\`, then \`npm run servers:install\`.`,
  );
}
