import { limiterConformance, lockConformance } from '@headgate/conformance';
import type { TestApi } from '@headgate/conformance';

/** One claim of the suites, as far as a table needs it. */
export interface Claim {
  readonly id: string;
  readonly title: string;
}

/** Subjects and claims that no peer is asked, and why; anything else is asked of all. */
export const leftOut: Readonly<Record<'limiter' | 'lock', Readonly<Record<string, string>>>> = {
  limiter: {
    record: 'how a store keeps its own records',
    model: "agreement with Headgate's own reference model, to the microsecond",
    limiter: "Headgate's limiter above a store",
    budget: 'requests and writes counted on the wire',
    faults: 'a server that is killed, frozen or cut off',
    batch: 'several keys or operations in one call',
    'storm/overlapping-batches': 'several keys or operations in one call',
    'time/epoch-microseconds': "the clock of an answer, which would be the shim's",
    'storm/processes': 'processes of their own',
    'time/clock-steps-back': 'a clock that can be moved',
    'time/skewed-client': 'a clock that can be moved',
  },
  lock: {
    held: "Headgate's renewal above a store",
    wait: "Headgate's waiting above a store",
    groups: 'several keys in one call',
    'core/batches-answer-in-order': 'several keys in one call',
    events: "Headgate's events",
    budgets: "requests of Headgate's waiters",
    traces: "agreement with Headgate's own reference model",
    processes: 'processes of their own',
    faults: 'a server that is killed, frozen or cut off',
    'core/close-twice-is-harmless': "the closing of connections, which are the caller's with every peer",
  },
};

interface Rule {
  /** Ids, or subjects. */
  readonly claims: readonly string[];
  /** Names of peers begin with one of these; all peers when absent. */
  readonly peers?: readonly string[];
  readonly why: string;
}

/** What peers never claimed. Beside these a shim throws `NotOffered` for an operation that the peer does not have. */
export const neverClaimed: readonly Rule[] = [
  { claims: ['penalize/debt-is-capped'], why: 'a bound to penalties' },
  { claims: ['penalize/takes-what-is-not-there'], why: 'debt that is worked off (a counter ends with its window)' },
  { claims: ['refund/not-into-a-later-window'], why: 'refunds that know the charge they undo' },
  { claims: ['block/refuses-everything'], why: 'telling a block from a spent quota' },
  { claims: ['policy/changed-algorithm'], why: 'a change of algorithm or window that keeps the count' },
  { claims: ['policy/kept-limits-go-on'], why: 'several limits in one record' },
  { claims: ['storm/window-edge'], why: 'a sliding log' },
  { claims: ['shared', 'exclusion/readers-and-writers-keep-apart', 'force/named-reader-only'], why: 'shared locks' },
  {
    claims: ['time/steady-demand'],
    peers: ['Upstash, sliding'],
    why: 'refill: the window before weighs in full at first',
  },
  { claims: ['time/no-drift'], why: 'continuous refill' },
  {
    claims: ['time/long-windows-hold'],
    peers: ['rate-limiter-flexible, memory'],
    why: 'windows above 24 days: documented as the longest',
  },
  {
    claims: ['time/long-windows-hold'],
    peers: ['Upstash, fixed', 'Upstash, sliding'],
    why: 'windows from the first hit',
  },
  {
    claims: ['time/retry-is-the-first-instant', 'time/reset-is-fresh'],
    why: 'telling the clock by which a call was decided, without which a millisecond cannot be judged from outside',
  },
  {
    claims: ['time/idle-is-not-saved-up', 'time/steady-demand'],
    peers: ['rate-limiter-flexible, Redis'],
    why: 'windows below a second, with which this is asked (they have a row of their own)',
  },
  { claims: ['core/second-attempt-names-the-holder', 'inspect'], why: 'telling who holds' },
  {
    claims: ['core/acquire-again-is-the-same-lease', 'lease/acquire-again-renews'],
    why: 'an acquire that can be repeated',
  },
  { claims: ['permits'], peers: ['verrou', 'redlock'], why: 'permits' },
  { claims: ['permits/repeated-acquire-takes-one'], why: 'an acquire that can be repeated' },
  { claims: ['permits/one-permit-is-not-exclusive-mode'], why: 'mutex and semaphore on one key' },
  { claims: ['fence', 'lease/expired-id-comes-back-as-a-new-lease'], why: 'fencing tokens' },
  {
    claims: ['exclusion/late-writers-are-fenced', 'exclusion/register-refuses-stale-and-invented-tokens'],
    why: 'fencing tokens',
  },
  { claims: ['queue'], why: 'a queue of waiters across processes' },
  { claims: ['sessions'], why: 'sessions' },
  { claims: ['force/free-key-has-nobody-to-evict'], why: 'fencing tokens' },
];

/** Why a peer cannot be held to a claim; `undefined` when it can. */
export function neverClaimedBy(peer: string, id: string): string | undefined {
  const rule = neverClaimed.find(
    ({ claims, peers }) =>
      claims.some((claim) => claim === id || claim === subjectOf(id)) &&
      (peers === undefined || peers.some((name) => peer.startsWith(name))),
  );
  return rule?.why;
}

/** The claims that peers are asked, in the order of the suite. */
export function claimsOf(suite: 'limiter' | 'lock'): readonly Claim[] {
  return registered(suite).filter(({ id }) => !(id in leftOut[suite]) && !(subjectOf(id) in leftOut[suite]));
}

/** Every claim of a suite, as it names them to a test runner. */
function registered(suite: 'limiter' | 'lock'): readonly Claim[] {
  const names: string[] = [];
  const runner: TestApi = { describe: (_name, body) => body(), it: (name) => void names.push(name) };
  const createStore = (): never => {
    throw new Error('no test is run here');
  };
  if (suite === 'limiter') limiterConformance({ ...runner, createStore });
  else lockConformance({ ...runner, createStore });
  return names.flatMap((name) => {
    const [, id, title] = /^([a-z]+\/\S+): (.*)$/.exec(name) ?? [];
    return id === undefined || title === undefined ? [] : [{ id, title }];
  });
}

function subjectOf(id: string): string {
  return id.slice(0, id.indexOf('/'));
}
