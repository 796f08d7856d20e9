import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HolderProgram } from '@headgate/conformance';

const root: string = mkdtempSync(join(tmpdir(), 'headgate-files-'));

/** Where the stores of one property live. */
export function newFolder(): string {
  return mkdtempSync(join(root, 'store-'));
}

/** Loses everything that every store has written. */
export async function wipe(): Promise<void> {
  for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
}

/** For the end of a file of tests. */
export function removeFolders(): void {
  rmSync(root, { recursive: true });
}

/** A program of `programs/` that opens a store on the folder. */
export function programOn(folder: string, name: 'limiter-store' | 'lock-store'): HolderProgram {
  return { file: new URL(`programs/${name}.mjs`, import.meta.url), args: [folder] };
}
