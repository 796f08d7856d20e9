// The packages and examples of this repository, as the other scripts need them.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's folder, without a trailing slash. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');

/**
 * @typedef {object} Manifest
 * @property {string} name
 * @property {string} version
 * @property {boolean} [private]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [peerDependencies]
 *
 * @typedef {object} Workspace
 * @property {string} path Relative to the root, such as `packages/core`.
 * @property {string} folder Absolute.
 * @property {Manifest} manifest
 */

/** @type {readonly Workspace[]} */
export const workspaces = ['packages', 'examples'].flatMap((parent) =>
  readdirSync(join(root, parent))
    .map((name) => ({ path: `${parent}/${name}`, folder: join(root, parent, name) }))
    .filter(({ folder }) => existsSync(join(folder, 'package.json')))
    .map((workspace) => ({ ...workspace, manifest: readManifest(workspace.folder) })),
);

/** What npm gets to see. */
export const published = workspaces.filter((workspace) => !workspace.manifest.private);

/**
 * @param {string} folder
 * @returns {Manifest}
 */
export function readManifest(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}
