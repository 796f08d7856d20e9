import type { LockContext } from './context.js';
import type { ReleaseReply, ReleaseRequest } from './contract.js';
import type { KeyQueue } from './queue.js';
import type { Tenure } from './tenure.js';
import type { Waiter } from './waiter.js';
import { contend, orphan, requestInLine, vacate } from './waiting.js';
import type { Answer } from './waiting.js';

/** Gives the lease back to the store and hands over to the next in line in the same step, where the store can. */
export async function giveBack(context: LockContext, tenure: Tenure): Promise<ReleaseReply> {
  const { tenures, queues, calls } = context;
  if (!tenure.ended) tenures.remove(tenure, 'released');
  const queue = queues.find(tenure.key, tenure.mode);
  const next = queue && takeNext(queue, tenure);
  const sent = tenures.sent();
  const request: ReleaseRequest = next
    ? { ...tenure.named(), next: requestInLine(context, queue, next) }
    : tenure.named();
  const call = calls.start(
    'release',
    1,
    calls.timeoutMs,
    (options) => calls.store.release([request], options),
    ([reply]) => {
      if (next && reply?.next) orphan(context, next, reply.next);
    },
  );
  if (next) {
    next.attempts += 1;
    const carried = call.answer.then(
      ([reply]): Answer | undefined => (reply?.next ? { reply: reply.next, sent } : undefined),
      // What failed is the release; the one next in line asks for itself and learns what the store says.
      (): undefined => undefined,
    );
    void contend(context, queue, next, carried);
  }
  try {
    const [reply] = await call.answer;
    return reply ?? { released: false, reason: 'expired' };
  } finally {
    vacate(context, tenure);
  }
}

/** The next in line, when the end of `tenure` is what it waits for. */
function takeNext(queue: KeyQueue, tenure: Tenure): Waiter | undefined {
  const { head } = queue;
  const others = queue.contending.size + queue.tenures.size - (queue.tenures.has(tenure) ? 1 : 0);
  if (!head || queue.mode === 'shared' || others >= head.want.permits) return undefined;
  queue.queued.delete(head);
  return head;
}
