import { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { UnsupportedError } from '@headgate/core';
import { itemKey } from './keys.js';
import { conditionFor } from './lock-items.js';
import { toItem, untouched } from './lock-record.js';
import { acquire } from './lock-steps.js';
import { cold, hotter, maxAttempts, pause, pauseMs } from './pause.js';
import { asStoreError } from './store-error.js';
import { conditionInput } from './table.js';
import type { CancellationReason } from '@aws-sdk/client-dynamodb';
import type { AcquireAllReply, AcquireReply, AcquireRequest } from '@headgate/core';
import type { FailurePlace } from './store-error.js';
import type { ItemKey } from './keys.js';
import type { Known, LockItems } from './lock-items.js';

/** DynamoDB's bound on the items of one transaction. */
const maxItems = 100;

/** One key of the attempt, and what is known of it. */
interface Part {
  readonly request: AcquireRequest;
  readonly key: ItemKey;
  known: Known | undefined;
  /** Whether `known` was read in this call. */
  current: boolean;
}

type Refusal = Extract<AcquireReply, { acquired: false }>;

/** Takes all of the leases in one transaction, or none; one attempt, which repeats itself only when others changed the items meanwhile. */
export async function acquireAll(
  items: LockItems,
  requests: readonly AcquireRequest[],
  place: FailurePlace,
  signal?: AbortSignal,
): Promise<AcquireAllReply> {
  if (requests.length > maxItems)
    throw new UnsupportedError(
      `A DynamoDB transaction takes at most ${maxItems} locks at once, not ${requests.length}`,
    );
  const parts = requests.map((request): Part => {
    const key = itemKey('lock', request.key);
    return { request, key, known: items.warm.get(key.pk), current: false };
  });
  let heat = cold;
  for (let attempts = 1; ; attempts++) {
    const conflicts = await refusals(items, parts, signal);
    if (conflicts) return conflicts;
    const leases = await attempt(items, parts, place, signal);
    if (leases) return { acquired: true, leases };
    if (attempts === maxAttempts) throw items.contended(attempts);
    heat = hotter(heat);
    await pause(pauseMs(heat, 0));
  }
}

function decide(items: LockItems, { known, request }: Part): ReturnType<typeof acquire> {
  return acquire(known?.record ?? untouched, request, items.view(known));
}

/** Who stands in the way, from states read in this call; `undefined` when nobody is known to. */
async function refusals(
  items: LockItems,
  parts: readonly Part[],
  signal: AbortSignal | undefined,
): Promise<AcquireAllReply | undefined> {
  await Promise.all(
    parts.map(async (part) => {
      if (part.current || decide(items, part).reply.acquired) return;
      part.known = await items.read(part.key, signal);
      part.current = true;
    }),
  );
  const refused = parts.flatMap((part) => {
    const { reply } = decide(items, part);
    return reply.acquired ? [] : [{ key: part.request.key, reply: reply as Refusal }];
  });
  if (refused.length === 0) return undefined;
  return {
    acquired: false,
    conflicts: refused.map(({ key, reply }) => ({ key, holders: reply.holders })),
    // All of them must be free.
    retryAfterMs: Math.max(...refused.map(({ reply }) => reply.retryAfterMs)),
  };
}

/** One transaction; `undefined` when it was cancelled because an item was not as expected. */
async function attempt(
  items: LockItems,
  parts: readonly Part[],
  place: FailurePlace,
  signal: AbortSignal | undefined,
): Promise<readonly { readonly fencingToken: number; readonly lastToken: number }[] | undefined> {
  const writes = parts.map((part) => {
    const view = items.view(part.known);
    const { reply, next } = acquire(part.known?.record ?? untouched, part.request, view);
    if (!reply.acquired || !next) return undefined;
    const writeId = items.table.writeId();
    const condition = conditionInput(conditionFor(part.known, next, view));
    return {
      part,
      reply,
      next,
      writeId,
      put: { TableName: items.table.name, Item: toItem(part.key, next, writeId), ...condition },
    };
  });
  // A lease that turned up between looking and writing: look again.
  if (writes.includes(undefined)) return undefined;
  const ready = writes as NonNullable<(typeof writes)[number]>[];
  try {
    // The SDK gives the command a token, by which DynamoDB knows its repetitions.
    await items.table.requests.send(
      new TransactWriteItemsCommand({ TransactItems: ready.map(({ put }) => ({ Put: put })) }),
      { signal },
    );
  } catch (error) {
    const { CancellationReasons: reasons } = error as { readonly CancellationReasons?: readonly CancellationReason[] };
    if (!reasons) throw error;
    parts.forEach((part, i) => takeIn(items, part, reasons[i], error, place));
    return undefined;
  }
  return ready.map(({ part, reply, next, writeId }) => {
    items.remember(part.key, next, writeId, cold);
    return { fencingToken: reply.fencingToken, lastToken: reply.lastToken };
  });
}

/** Takes in why an item cancelled the transaction; throws when it was not the item's state. */
function takeIn(
  items: LockItems,
  part: Part,
  reason: CancellationReason = {},
  cause: unknown,
  place: FailurePlace,
): void {
  const { Code: code = 'None', Message: message = '' } = reason;
  if (code === 'None') return;
  if (code === 'ConditionalCheckFailed') {
    part.known = items.learn(part.key, reason.Item, cold);
    part.current = true;
  } else if (code === 'TransactionConflict') {
    part.current = false;
  } else {
    const name = reasonNames[code] ?? code;
    throw asStoreError(Object.assign(new Error(message, { cause }), { name }), place);
  }
}

/** Reasons that have another name when they come alone. */
const reasonNames: Readonly<Record<string, string>> = {
  ProvisionedThroughputExceeded: 'ProvisionedThroughputExceededException',
  ThrottlingError: 'ThrottlingException',
  ValidationError: 'ValidationException',
};
