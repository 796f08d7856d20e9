import type {
  AcquireAllReply,
  AcquireReply,
  AcquireRequest,
  ExtendReply,
  ExtendRequest,
  ForceReleaseReply,
  HolderInfo,
  LockLostReason,
  LockMode,
  LockState,
  ReleaseReply,
  ReleaseRequest,
} from '@headgate/core';

/** One operation: `a` acquire, `A` all or none, `r` release, and those that go to `lockScript` as they are. */
export type LockOp =
  | readonly [code: 'a', request: AcquireRequest]
  | readonly [code: 'A', requests: readonly AcquireRequest[]]
  | readonly [code: 'r', request: ReleaseRequest]
  | readonly [code: 'c' | 'e' | 'f' | 'i' | 's', ...args: readonly unknown[]];
/** One operation's reply as `lockScript` gives it. */
export type LockOpReply = readonly unknown[];

const modeLetters: { readonly [mode in LockMode]: string } = { exclusive: 'x', shared: 's', permit: 'p' };
const modes: { readonly [letter: string]: LockMode } = { x: 'exclusive', s: 'shared', p: 'permit' };

type RawHolder = readonly [
  leaseId: string,
  ownerId: string,
  sessionId: string | null,
  token: number,
  metadata: string | null,
  acquiredUs: number,
  untilUs: number,
];

/** The text without lone surrogates: they have no UTF-8, and Redis would refuse the JSON of a whole batch for one. */
export function wellFormed(text: string): string {
  return (text as string & { toWellFormed(): string }).toWellFormed();
}

function metadataText(metadata: Readonly<Record<string, string>> | undefined): string | false {
  return metadata === undefined ? false : JSON.stringify(metadata);
}

/** What requests have in common that differ in their key and lease id alone. */
function templateOf(request: AcquireRequest): readonly unknown[] {
  return [
    wellFormed(request.ownerId),
    request.sessionId === undefined ? false : wellFormed(request.sessionId),
    modeLetters[request.mode],
    request.permits,
    metadataText(request.metadata),
    request.ttlMs,
    request.tokens ?? 1,
    request.waiter?.ttlMs ?? false,
  ];
}

function haveOneTemplate(a: AcquireRequest, b: AcquireRequest): boolean {
  return (
    a.ownerId === b.ownerId &&
    a.sessionId === b.sessionId &&
    a.mode === b.mode &&
    a.permits === b.permits &&
    a.metadata === b.metadata &&
    a.ttlMs === b.ttlMs &&
    a.tokens === b.tokens &&
    a.waiter?.ttlMs === b.waiter?.ttlMs
  );
}

function encodeRequest(request: AcquireRequest): readonly unknown[] {
  return [wellFormed(request.leaseId), ...templateOf(request)];
}

/** `lockScript` counts templates from this character on. */
const firstTemplate = 48;

/** Operations as the arguments of `lockScript`: the templates, and each operation. No more than 64 of them are acquires. */
export function encodeOps(ops: readonly LockOp[]): readonly string[] {
  const samples: AcquireRequest[] = [];
  const args = [''];
  for (const op of ops) {
    if (op[0] === 'a') {
      const request = op[1];
      let number = 0;
      while (number < samples.length && !haveOneTemplate(samples[number] as AcquireRequest, request)) number++;
      if (number === samples.length) samples.push(request);
      args.push(`a${String.fromCharCode(firstTemplate + number)}${request.leaseId}`);
    } else {
      args.push(encodeOther(op));
    }
  }
  args[0] = samples.length === 0 ? '' : JSON.stringify(samples.map(templateOf));
  return args;
}

function encodeOther(op: Exclude<LockOp, readonly ['a', AcquireRequest]>): string {
  if (op[0] === 'A') return JSON.stringify(['A', op[1].map(encodeRequest)]);
  if (op[0] !== 'r') return JSON.stringify(op);
  const { leaseId, fencingToken, next } = op[1];
  if (!next) return `r${fencingToken}:${leaseId}`;
  return JSON.stringify(['r', wellFormed(leaseId), fencingToken, encodeRequest(next)]);
}

/** One extension as an operation. */
export function encodeExtend({ leaseId, fencingToken, ttlMs, holder }: ExtendRequest): LockOp {
  const shown = holder && [wellFormed(holder.ownerId), holder.fencingToken, metadataText(holder.metadata)];
  return ['e', wellFormed(leaseId), fencingToken, ttlMs, shown ?? false];
}

function decodeHolders(raw: unknown): HolderInfo[] {
  return (raw as readonly RawHolder[]).map(
    ([leaseId, ownerId, sessionId, fencingToken, metadata, acquiredUs, untilUs]) => ({
      leaseId,
      ownerId,
      ...(sessionId === null ? {} : { sessionId }),
      fencingToken,
      ...(metadata === null ? {} : { metadata: JSON.parse(metadata) as Record<string, string> }),
      acquiredAtMs: Math.floor(acquiredUs / 1000),
      expiresAtMs: Math.floor(untilUs / 1000),
    }),
  );
}

/** The reply of an attempt. */
export function decodeAcquire(reply: LockOpReply): AcquireReply {
  if (reply[0] === 1) return { acquired: true, fencingToken: reply[1] as number, lastToken: reply[2] as number };
  return { acquired: false, holders: decodeHolders(reply[2]), retryAfterMs: reply[1] as number };
}

/** The reply of an attempt on several keys. */
export function decodeAcquireAll(requests: readonly AcquireRequest[], reply: LockOpReply): AcquireAllReply {
  if (reply[0] === 1) {
    const leases = (reply[1] as readonly (readonly [number, number])[]).map(([fencingToken, lastToken]) => ({
      fencingToken,
      lastToken,
    }));
    return { acquired: true, leases };
  }
  const conflicts = (reply[2] as readonly (readonly [number, unknown])[]).map(([index, holders]) => ({
    key: (requests[index] as AcquireRequest).key,
    holders: decodeHolders(holders),
  }));
  return { acquired: false, conflicts, retryAfterMs: reply[1] as number };
}

/** The reply of an extension. */
export function decodeExtend(reply: LockOpReply): ExtendReply {
  return reply[0] === 1 ? { extended: true } : { extended: false, reason: reply[1] as LockLostReason };
}

/** The reply of a release. */
export function decodeRelease(reply: LockOpReply): ReleaseReply {
  const next = reply[2] ? { next: decodeAcquire(reply[2] as LockOpReply) } : {};
  if (reply[0] === 1) return { released: true, ...next };
  return { released: false, reason: reply[1] as LockLostReason, ...next };
}

/** The reply of an inspection; `null` when nobody holds the key. */
export function decodeState(key: string, reply: LockOpReply): LockState | null {
  if (reply[0] === 0) return null;
  return {
    key,
    mode: modes[reply[1] as string] as LockMode,
    permits: reply[2] as number,
    holders: decodeHolders(reply[5]),
    waiting: reply[3] as number,
    fencingToken: reply[4] as number,
  };
}

/** The reply of an operation that says no more than that it was done. */
export function decodeDone(_reply: LockOpReply): void {}

/** The reply of releasing what a session holds: how many leases were freed. */
export function decodeCount(reply: LockOpReply): number {
  return reply[1] as number;
}

/** The reply of a forced release. */
export function decodeForce(reply: LockOpReply): ForceReleaseReply {
  return { released: decodeHolders(reply[2]), pending: [], fencingToken: reply[1] as number, collateral: [] };
}
