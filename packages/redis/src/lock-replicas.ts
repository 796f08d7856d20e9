import type { SendLockOps } from './lock-batch.js';
import type { LockOp, LockOpReply } from './lock-codec.js';

/** Whether an operation may be granted a lease: only then is there something that replicas must have. */
export function mayBeGranted(op: LockOp): boolean {
  return op[0] === 'a' || op[0] === 'A' || (op[0] === 'r' && op[1].next !== undefined);
}

/** Lease ids that an operation was granted. */
function grantedBy(op: LockOp, reply: LockOpReply): readonly string[] {
  if (op[0] === 'a' && reply[0] === 1) return [op[1].leaseId];
  if (op[0] === 'A' && reply[0] === 1) return op[1].map(({ leaseId }) => leaseId);
  if (op[0] === 'r' && op[1].next && (reply[2] as LockOpReply | null)?.[0] === 1) return [op[1].next.leaseId];
  return [];
}

/**
 * Runs a batch with `sendAndWait` and keeps what it granted only when `count` replicas have it: otherwise gives those leases back, and puts an
 * error in the place of the replies that granted them.
 */
export async function replicated(
  keys: readonly string[],
  ops: readonly LockOp[],
  count: number,
  send: SendLockOps,
  sendAndWait: () => Promise<readonly [replies: readonly LockOpReply[], acknowledged: number]>,
): Promise<readonly LockOpReply[]> {
  const [replies, acknowledged] = await sendAndWait();
  const granted = ops.map((op, i) => grantedBy(op, replies[i] as LockOpReply));
  if (acknowledged >= count || granted.every((ids) => ids.length === 0)) return replies;
  const undo: { readonly key: string; readonly op: LockOp }[] = [];
  let next = 0;
  ops.forEach((op, i) => {
    const own = op[0] === 'A' ? op[1].length : 1;
    const ownKeys = keys.slice(next, next + own);
    next += own;
    granted[i]?.forEach((leaseId, k) => undo.push({ key: ownKeys[k] as string, op: ['c', leaseId] }));
  });
  await send(
    undo.map(({ key }) => key),
    undo.map(({ op }) => op),
  );
  const error: LockOpReply = [
    -1,
    `NOREPLICAS ${acknowledged} of ${count} replicas confirmed; the lease was given back`,
  ];
  return replies.map((reply, i) => (granted[i]?.length === 0 ? reply : error));
}
