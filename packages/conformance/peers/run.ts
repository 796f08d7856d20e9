import { checkLimiterStore, checkLockStore } from '@headgate/conformance';
import type { ConformanceReport, LimiterFixture, LockFixture } from '@headgate/conformance';
import { claimsOf, neverClaimedBy } from './claims.js';
import { notOffered } from './not-offered.js';
import type { Claim } from './claims.js';
import type { Peer } from './peers.js';

/** Longest that one claim may take with one peer, milliseconds. */
const claimTimeoutMs = 12_000;
/** Claims of these subjects are about races, which one run may miss: they are tried this often, and one failure counts. */
const races: readonly string[] = ['storm/', 'exclusion/'];
const racesTries = 10;
/** Random parts of the claims are the same in every run. */
const seed = 1;

/** What became of one claim with one peer. */
export interface Outcome {
  readonly verdict: 'holds' | 'does not hold' | 'not offered';
  /** How it failed, or what is not offered. */
  readonly reason?: string;
}

/** One suite's claims, and the outcome of each with each peer, by the peer's name. */
export interface Verdicts {
  readonly peers: readonly string[];
  readonly rows: readonly { readonly claim: Claim; readonly outcomes: Readonly<Record<string, Outcome>> }[];
}

/** Asks the limiters everything that limiters are asked. */
export function tryLimiters(peers: readonly Peer<LimiterFixture>[]): Promise<Verdicts> {
  return tryAll('limiter', peers, (peer, id) => checkLimiterStore({ createStore: peer.open, only: [id], seed }));
}

/** Asks the locks everything that locks are asked. */
export function tryLocks(peers: readonly Peer<LockFixture>[]): Promise<Verdicts> {
  return tryAll('lock', peers, (peer, id) => checkLockStore({ createStore: peer.open, only: [id], seed }));
}

async function tryAll<Fixture>(
  suite: 'limiter' | 'lock',
  peers: readonly Peer<Fixture>[],
  check: (peer: Peer<Fixture>, id: string) => Promise<ConformanceReport>,
): Promise<Verdicts> {
  const claims = claimsOf(suite);
  const columns = await Promise.all(
    peers.map(async (peer) => {
      const outcomes: Outcome[] = [];
      for (const { id } of claims) outcomes.push(await outcomeOf(peer.name, id, () => check(peer, id)));
      return outcomes;
    }),
  );
  const names = peers.map(({ name }) => name);
  const rows = claims.map((claim, row) => ({
    claim,
    outcomes: Object.fromEntries(names.map((name, column) => [name, columns[column]?.[row] as Outcome])),
  }));
  return { peers: names, rows };
}

async function outcomeOf(peer: string, id: string, check: () => Promise<ConformanceReport>): Promise<Outcome> {
  const why = neverClaimedBy(peer, id);
  if (why !== undefined) return { verdict: 'not offered', reason: why };
  const tries = races.some((subject) => id.startsWith(subject)) ? racesTries : 1;
  for (let i = 1; ; i++) {
    const outcome = await tryOnce(check);
    if (outcome.verdict !== 'holds' || i === tries) return outcome;
  }
}

async function tryOnce(check: () => Promise<ConformanceReport>): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, claimTimeoutMs, undefined);
  });
  const result = (await Promise.race([check(), late]))?.results[0];
  clearTimeout(timer);
  if (!result) return { verdict: 'does not hold', reason: `no end within ${claimTimeoutMs / 1000} s` };
  if (result.verdict === 'pass') return { verdict: 'holds' };
  const reason = result.reason ?? '';
  if (result.verdict === 'skip') return { verdict: 'not offered', reason };
  const missing = notOffered(reason);
  return missing === undefined
    ? { verdict: 'does not hold', reason: reason.replaceAll(/\s+/g, ' ') }
    : { verdict: 'not offered', reason: missing };
}
