import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type CasEntry, type Clock, StoreError, systemClock } from '@headgate/core';

/** The same for all processes of a machine: the time of day when the process started, monotonic from there; microseconds. */
const nowUs = (): number => Math.floor((performance.timeOrigin + performance.now()) * 1000);
export const machineClock: Clock = { ...systemClock, nowUs };

/** A key's place: a folder with its text, `<version>.txt`, and a marker named `<version>`, which tells the text that counts. */
export const placeOf = (folder: string, key: string): string =>
  `${folder}/${createHash('sha256').update(key).digest('hex')}`;

/** Names without an ending: the places in a store's folder, the marker in a place. */
export const namesIn = (folder: string): string[] =>
  (tried(() => readdirSync(folder)) ?? []).filter((name) => !name.includes('.'));

/** The text of a place and its version; `undefined` when it has none. */
export function load(place: string): CasEntry<string> | undefined {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const [version = 'none'] = namesIn(place);
    if (version === 'none') return undefined;
    const text = tried(() => readFileSync(`${place}/${version}.txt`, 'utf8'));
    if (text !== undefined) return { text, version }; // else it has just been replaced
  }
  throw new StoreError(`${place} is damaged`, { store: 'files', kind: 'other' });
}

/** Replaces the version `expected` by `text`; `undefined` is none. Renaming the marker decides: of many who try, one finds it. */
export function swap(place: string, expected = 'none', text: string | undefined): boolean {
  const version = text === undefined ? 'none' : randomUUID();
  if (!existsSync(place)) {
    tried(() => mkdirSync(`${place}.new/none`, { recursive: true }));
    tried(() => renameSync(`${place}.new`, place));
  }
  if (text !== undefined) tried(() => writeFileSync(`${place}/${version}.txt`, text));
  const swapped = tried(() => renameSync(`${place}/${expected}`, `${place}/${version}`) ?? true) ?? false;
  tried(() => rmSync(`${place}/${swapped ? expected : version}.txt`));
  return swapped;
}

/** What `call` returns; `undefined` when another process was there before. */
function tried<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (cause) {
    if (['ENOENT', 'EEXIST', 'ENOTEMPTY'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new StoreError(String(cause), { store: 'files', kind: 'other', cause });
  }
}
