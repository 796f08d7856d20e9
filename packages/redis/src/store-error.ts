import { RecordVersionError, StoreError, StoreFullError } from '@headgate/core';
import type { StoreErrorKind } from '@headgate/core';

const acl =
  'the user needs the keys `<prefix>*`, the channels `<prefix>*` and the commands the README lists (`ACL SETUSER <user> ~headgate* resetchannels &headgate* ...`)';

/** First match wins. What ioredis makes of a lost connection comes last: it quotes what happened before. */
const rules: readonly (readonly [pattern: RegExp, kind: StoreErrorKind, advice?: string])[] = [
  [/^NOPERM|user executing the script can't|ACL failure in script/, 'auth', acl],
  [/^(NOAUTH|WRONGPASS)|invalid password|without any password/, 'auth', "check the client's username and password"],
  [/^READONLY|-READONLY/, 'connection', 'the server is a replica; the next call goes to a new connection'],
  [/^(NOREPLICAS|CLUSTERDOWN|MASTERDOWN|LOADING|TRYAGAIN|MOVED|ASK)/, 'connection'],
  [/^BUSY|max number of clients/, 'throttled'],
  [/^NOSCRIPT|user_script|Error running script|Error compiling script|[Ss]cript/, 'script'],
  [/unknown command|[Ss]yntax error|Unknown Redis command/, 'other', 'Redis 6.2 or later is required'],
  [/Command timed out/, 'timeout'],
  [
    /Connection is closed|Connection is aborted|isn't writeable|max retries per request|isn't ready|Cluster is ended|Too many Cluster redirections|startup nodes|refresh slots cache|Socket timeout|All sentinels|ECONN|ETIMEDOUT|EPIPE|EHOST|ENOTFOUND|EAI_AGAIN|ENETUNREACH/,
    'connection',
  ],
];

/** What a Redis older than 7 puts before the code of a refusal that a command of a script met. */
const insideScript = /^.*(?:@user_script: ?\d+|=\[C\]: -1): -?(?=[A-Z]{3,} )/s;

function messageOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).replace(insideScript, '');
}

/**
 * Whether a Cluster sent a call from node to node until ioredis gave up: it ran nowhere. A slot that is on its way to another node does that to calls
 * whose keys are not all on one side; each of the keys alone can be answered.
 */
export function wasSentAround(error: unknown): boolean {
  return error instanceof StoreError && error.message.includes('Too many Cluster redirections');
}

/** Whether no node that a call was sent to had its slot, though each named the one that has: it ran nowhere. */
export function wasMoved(error: unknown): boolean {
  return /Too many Cluster redirections.*MOVED/.test(String(error));
}

/** What Redis, ioredis or the network threw, as the error of the contract. */
export function toStoreError(store: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  // ioredis hangs the whole command on its errors, script and all; a log line needs its name.
  const { command } = (cause ?? {}) as { command?: { name: string; args: unknown } };
  if (command) command.args = [];
  const message = messageOf(cause);
  const details = { store, cause };
  if (/^-?OOM/.test(message)) return new StoreFullError(`Redis refused a write at its maxmemory: ${message}`, details);
  if (/^-?WRONGTYPE/.test(message)) {
    return new RecordVersionError(`A key of ours holds a value of another type, left untouched: ${message}`, details);
  }
  const rule = rules.find(([pattern]) => pattern.test(message));
  const advice = rule?.[2];
  return new StoreError(`Redis could not answer: ${message}${advice ? ` (${advice})` : ''}`, {
    ...details,
    kind: rule?.[1] ?? 'other',
  });
}

/** What Lua says of a value that begins like a record of ours and ends too soon. */
const damaged = /data string too short|[Mm]issing bytes|[Bb]ad data format|truncated/;

/** The error a script put in the place of one answer: `RECORD <version>` or what Redis said. `keys` are those the operation was for. */
export function toStepError(store: string, text: string, ...keys: readonly string[]): StoreError {
  const version = /^RECORD (.*)$/.exec(text)?.[1];
  const what =
    version === 'foreign' || damaged.test(text)
      ? 'is not a record of ours'
      : version !== undefined
        ? `has record format ${version}, which this release does not know; update it`
        : /^-?WRONGTYPE/.test(text)
          ? `is of another type (${text})`
          : undefined;
  if (what === undefined) return toStoreError(store, new Error(text));
  const which = keys.map((key) => JSON.stringify(key)).join(' or ');
  return new RecordVersionError(`The value of key ${which} ${what}. It was left untouched.`, { store });
}
