import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Manifest, published, root } from '../scripts/workspaces.mjs';

/** A tarball as `npm pack --json` describes it. */
export interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** An empty project into which the packed packages were installed, as a user would have it. */
export interface Consumer {
  readonly folder: string;
  readonly packed: readonly Packed[];
  run(program: string, ...args: readonly string[]): string;
  write(path: string, text: string): void;
  remove(): void;
}

/**
 * Packs every published package and installs the tarballs, and those of their dependencies, into an empty project
 * without a network. Peers are linked to the ones this repository has.
 */
export function installConsumer(): Consumer {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-consumer-'));
  const run = (program: string, ...args: readonly string[]): string => execute(program, args, folder);
  const write = (path: string, text: string): void => writeFileSync(join(folder, path), text);

  write('package.json', JSON.stringify({ name: 'consumer', private: true }));
  const packed = pack([...published.map((workspace) => workspace.folder), ...dependencyFolders()], folder);
  const tarballs = packed.map(({ filename }) => `./${filename}`);
  run('npm', 'install', '--offline', '--legacy-peer-deps', '--ignore-scripts', ...tarballs);
  for (const name of [...peers(), '@types/node', '@types/pg']) link(name, folder);

  return { folder, packed, run, write, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function pack(folders: readonly string[], destination: string): readonly Packed[] {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination, ...folders];
  return JSON.parse(execute('npm', args, root));
}

/** The folders of everything the published packages depend on, outside of this repository. */
function dependencyFolders(): readonly string[] {
  const folders = new Set<string>();
  const visit = (manifest: Manifest): void => {
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      const folder = join(root, 'node_modules', name);
      if (published.some((workspace) => workspace.manifest.name === name) || folders.has(folder)) continue;
      folders.add(folder);
      visit(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
    }
  };
  for (const { manifest } of published) visit(manifest);
  return [...folders];
}

function peers(): readonly string[] {
  return published.flatMap(({ manifest }) => Object.keys(manifest.peerDependencies ?? {}));
}

function link(name: string, folder: string): void {
  const target = join(folder, 'node_modules', name);
  if (existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  symlinkSync(join(root, 'node_modules', name), target);
}

function execute(program: string, args: readonly string[], cwd: string): string {
  return execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
