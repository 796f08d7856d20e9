import { randomBytes } from 'node:crypto';
import { DeleteItemCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { ClosedError, StoreError } from '@headgate/core';
import { itemKey } from './keys.js';
import { Requests } from './requests.js';
import { isFailedCondition, isTransactionConflict } from './store-error.js';
import type { AttributeValue, GetItemCommandOutput } from '@aws-sdk/client-dynamodb';
import type { ResolvedOptions } from './client.js';
import type { SendOptions, Trace } from './requests.js';

/** An item as DynamoDB holds it. Every item of ours has `pk` and `w`, the id of the write that made it. */
export type Item = Record<string, AttributeValue>;

/** The condition of a write, with the names (without `#`) and values (without `:`) it uses. */
export interface Condition {
  readonly expression: string;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, AttributeValue>>;
}

/** What became of a conditional write; `item` is what was there instead, `undefined` when there was nothing. */
export type Written = { readonly written: true } | { readonly written: false; readonly item: Item | undefined };

/** How a write is sent. */
export type WriteOptions = Omit<SendOptions, 'trace'>;

const lost = 'The reply to a write was lost and others have changed the key since: whether it took effect is unknown';

/** The conditional writes and consistent reads that both stores are made of, on one table. */
export class Table {
  readonly requests: Requests;
  readonly name: string;
  readonly #store: string;
  readonly #idPrefix = randomBytes(9).toString('base64url');
  #ids = 0;
  #closed = false;

  constructor(options: ResolvedOptions) {
    this.name = options.table;
    this.#store = options.name;
    this.requests = new Requests(options);
  }

  /** An id for a write that no other write has: it is the condition of the next one, and how a repeated request is recognised. */
  writeId(): string {
    return `${this.#idPrefix}${(this.#ids++).toString(36)}`;
  }

  /** Asks for the service's time when no reply has told it yet. */
  async ready(): Promise<void> {
    if (this.#closed) throw new ClosedError(`The ${this.#store} store is closed`);
    if (!this.requests.wantsTime) return;
    await this.requests.shareTimeRequest(() => this.read(itemKey('clock', 'service').pk));
  }

  close(): void {
    this.#closed = true;
  }

  /** A strongly consistent read of one item. */
  async read(pk: string, signal?: AbortSignal): Promise<Item | undefined> {
    const command = new GetItemCommand({ TableName: this.name, Key: { pk: { S: pk } }, ConsistentRead: true });
    const { Item } = (await this.requests.send(command, { signal })) as GetItemCommandOutput;
    return Item;
  }

  /** Replaces the item if `condition` holds. One request; where an emulator hides the item that stood in the way, a read follows. */
  async put(item: Item, condition: Condition, call: WriteOptions = {}): Promise<Written> {
    const command = new PutItemCommand({ TableName: this.name, Item: item, ...conditionInput(condition) });
    return this.#write(command, textOf(item, 'pk'), (found) => textOf(found, 'w') === textOf(item, 'w'), call);
  }

  /** Deletes the item if it still is of `writeId`. */
  async delete(pk: string, writeId: string, call: WriteOptions = {}): Promise<Written> {
    const command = new DeleteItemCommand({
      TableName: this.name,
      Key: { pk: { S: pk } },
      ...conditionInput(unchanged(writeId)),
    });
    // Gone after a lost reply: by us, or by somebody who found what we found.
    return this.#write(command, pk, (found, { doubt }) => doubt && found === undefined, call);
  }

  async #write(
    command: PutItemCommand | DeleteItemCommand,
    pk: string,
    isOwn: (found: Item | undefined, trace: Trace) => boolean,
    call: WriteOptions,
  ): Promise<Written> {
    const trace: Trace = { doubt: false };
    let found: Item | undefined;
    try {
      await this.requests.send(command, { ...call, trace });
      return { written: true };
    } catch (error) {
      if (!isFailedCondition(error) && !isTransactionConflict((error as Error).cause)) throw error;
      found = (error as { readonly Item?: Item }).Item;
    }
    found ??= await this.read(pk, call.signal);
    if (isOwn(found, trace)) return { written: true };
    if (trace.doubt) throw new StoreError(lost, { store: this.#store, kind: 'connection' });
    return { written: false, item: found };
  }
}

/** The condition that nobody has written since. */
export function unchanged(writeId: string): Condition {
  return { expression: '#w = :w', names: { w: 'w' }, values: { w: { S: writeId } } };
}

/** A condition as the commands take it; a failed one returns the item that stood in the way. */
export function conditionInput({ expression, names, values }: Condition): {
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues?: Item;
  readonly ReturnValuesOnConditionCheckFailure: 'ALL_OLD';
} {
  return {
    ConditionExpression: expression,
    ExpressionAttributeNames: withSign('#', names),
    // DynamoDB refuses an empty map.
    ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: withSign(':', values) }),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  };
}

function withSign<Value>(sign: string, entries: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(entries).map(([name, value]) => [`${sign}${name}`, value]));
}

/** A string attribute; empty when it is not there. */
export function textOf(item: Item | undefined, attribute: string): string {
  return item?.[attribute]?.S ?? '';
}
