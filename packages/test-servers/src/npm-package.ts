import path from 'node:path';
import { ServerUnavailableError } from './errors.js';

/**
 * The folder of an installed npm package, also of one whose `exports` hide its files.
 *
 * @param resolve gives any file of the package, as `require.resolve` does
 */
export function packageFolder(name: string, resolve: () => string): string {
  try {
    const file = resolve();
    const inside = path.join('node_modules', name, path.sep);
    return file.slice(0, file.lastIndexOf(inside) + inside.length - 1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    throw new ServerUnavailableError(
      `The npm package ${name} is not installed. Run \`npm ci\` (optional packages included), then \`npm run servers:install\`.`,
    );
  }
}
