import { abortable } from './waiting.js';
import type { Connection } from './connection.js';
import type { KeySpace } from './keys.js';

/** Members asked for in one step of a scan. */
const page = 500;

/**
 * Reads an index, which lies in every bucket of a cluster and in bucket 0 of a standalone server, one round of pages at a time: the keys of `kind` (`h` or `s:<session>`) that begin with `prefix`, without
 * repetition. Each round asks all buckets that have more, at once.
 */
export async function* scanIndex(
  connection: Connection,
  space: KeySpace,
  kind: string,
  prefix: string,
  signal?: AbortSignal,
): AsyncGenerator<readonly string[]> {
  const seen = new Set<string>();
  let cursors = Array.from({ length: connection.isCluster ? space.buckets : 1 }, (_, bucket) => ({
    bucket,
    cursor: '0',
  }));
  while (cursors.length > 0) {
    const found: string[] = [];
    const more: typeof cursors = [];
    const pages = Promise.all(
      cursors.map(async ({ bucket, cursor }) => {
        const reply = await connection.send('hscan', [space.base(bucket) + kind, cursor, 'COUNT', page]);
        const [next, entries] = reply as [cursor: string, entries: string[]];
        for (let i = 0; i < entries.length; i += 2) {
          const key = entries[i] as string;
          // The field without a name is none of ours; see `lockBeginLua`.
          if (key === '' || !key.startsWith(prefix) || seen.has(key)) continue;
          seen.add(key);
          found.push(key);
        }
        if (next !== '0') more.push({ bucket, cursor: next });
      }),
    );
    await abortable(pages, signal);
    if (found.length > 0) yield found;
    cursors = more;
  }
}
