import { BatchGetItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { heldIndex } from './create-table.js';
import { keyOf } from './lock-record.js';
import { cold } from './pause.js';
import { textOf } from './table.js';
import type { BatchGetItemCommandOutput, ScanCommandOutput } from '@aws-sdk/client-dynamodb';
import type { ItemKey } from './keys.js';
import type { Known, LockItems } from './lock-items.js';
import type { Item } from './table.js';

/** A lock that somebody holds, or held a moment ago. */
export interface FoundLock {
  readonly key: string;
  readonly itemKey: ItemKey;
  readonly known: Known;
}

/** DynamoDB's bound on the keys of one read. */
const maxKeys = 100;

/**
 * Locks that are held, each read consistently: those in the index, which follows the table within a moment, and those this process remembers as held,
 * which spares its own leases that moment. With `sessionId` only locks that the session holds.
 */
export async function* heldLocks(
  items: LockItems,
  sessionId?: string,
  signal?: AbortSignal,
): AsyncGenerator<FoundLock> {
  const seen = new Set<string>();
  const mayHold = ({ record }: Known): boolean =>
    record.holders.some((holder) => sessionId === undefined || holder.sessionId === sessionId);
  for (const [pk, known] of items.warm.entries()) if (mayHold(known)) seen.add(pk);
  yield* readAll(items, [...seen], mayHold, signal);
  let start: Item | undefined;
  do {
    const page = await scan(items, sessionId, start, signal);
    const found = (page.Items ?? []).map((item) => textOf(item, 'pk')).filter((pk) => !seen.has(pk));
    for (const pk of found) seen.add(pk);
    yield* readAll(items, found, mayHold, signal);
    start = page.LastEvaluatedKey;
  } while (start);
}

async function scan(
  items: LockItems,
  sessionId: string | undefined,
  start: Item | undefined,
  signal: AbortSignal | undefined,
): Promise<ScanCommandOutput> {
  const command = new ScanCommand({
    TableName: items.table.name,
    IndexName: heldIndex,
    ...(sessionId === undefined
      ? {}
      : {
          FilterExpression: 'contains(#s, :s)',
          ExpressionAttributeNames: { '#s': 's' },
          ExpressionAttributeValues: { ':s': { S: sessionId } },
        }),
    ...(start ? { ExclusiveStartKey: start } : {}),
  });
  return (await items.table.requests.send(command, { signal })) as ScanCommandOutput;
}

async function* readAll(
  items: LockItems,
  pks: readonly string[],
  mayHold: (known: Known) => boolean,
  signal?: AbortSignal,
): AsyncGenerator<FoundLock> {
  for (let from = 0; from < pks.length; from += maxKeys) {
    for (const item of await batchRead(items, pks.slice(from, from + maxKeys), signal)) {
      const { key, itemKey } = keyOf(item);
      const known = items.learn(itemKey, item, items.warm.get(itemKey.pk)?.heat ?? cold);
      if (known && mayHold(known)) yield { key, itemKey, known };
    }
  }
}

async function batchRead({ table }: LockItems, pks: readonly string[], signal?: AbortSignal): Promise<readonly Item[]> {
  const found: Item[] = [];
  let left: Item[] = pks.map((pk) => ({ pk: { S: pk } }));
  while (left.length > 0) {
    const command = new BatchGetItemCommand({ RequestItems: { [table.name]: { Keys: left, ConsistentRead: true } } });
    const reply = (await table.requests.send(command, { signal })) as BatchGetItemCommandOutput;
    found.push(...(reply.Responses?.[table.name] ?? []));
    // A reply holds 16 MB at most.
    left = reply.UnprocessedKeys?.[table.name]?.Keys ?? [];
  }
  return found;
}
