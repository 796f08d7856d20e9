import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FencedAdmission, FencedState } from '@headgate/core';
import { exclusively } from './path-mutex.js';

/** Keeps the highest token of each file in a file beside it, so that all instances on this machine check the same one. */
export function fileFencedState(folder: string): FencedState {
  const place = (key: string): string => join(folder, createHash('sha256').update(key).digest('hex'));

  async function highest(key: string): Promise<number> {
    try {
      return Number(await readFile(place(key), 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
      throw error;
    }
  }

  async function record(key: string, token: number): Promise<void> {
    await mkdir(folder, { recursive: true });
    const draft = `${place(key)}.${process.pid}`;
    await writeFile(draft, String(token));
    // Whole or not at all: a crash in the middle leaves the token before.
    await rename(draft, place(key));
  }

  return {
    highest,
    admit: <T>(key: string, fencingToken: number, apply: () => Promise<T>): Promise<FencedAdmission<T>> =>
      exclusively(place(key), async () => {
        const before = await highest(key);
        if (fencingToken < before) return { admitted: false, highest: before };
        await record(key, fencingToken);
        return { admitted: true, value: await apply() };
      }),
  };
}
