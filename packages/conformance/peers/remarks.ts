/** What was found when a failure was looked into by hand: why a claim does not hold with a peer. */
export interface Remark {
  readonly claims: readonly string[];
  /** Names of peers begin with one of these. */
  readonly peers: readonly string[];
  readonly text: string;
}

const costClaims = ['cost/remaining-can-be-taken', 'cost/denial-charges-nothing', 'cost/above-capacity-never-fits'];

/** One for every failure; a failure without one is shown as not looked into. */
export const remarks: readonly Remark[] = [
  {
    claims: [...costClaims, 'cost/peek-foretells', 'refund/gives-back', 'policy/changed-limit'],
    peers: ['rate-limiter-flexible', 'Upstash, fixed'],
    text: 'A refused call is counted too, by design ("the counter keeps growing", say the documents of rate-limiter-flexible). Where every call costs 1 that hardly matters, since the count starts anew with the next window; with larger costs a refused call uses up what smaller ones could still have had.',
  },
  {
    claims: [...costClaims, 'cost/peek-foretells', 'refund/gives-back'],
    peers: ['Upstash, sliding'],
    text: 'Its script compares the count without the cost of the call with the limit, so a cost above 1 that does not fit is refused and counted all the same. Calls that cost 1 are not counted when they are refused.',
  },
  {
    claims: ['cost/above-capacity-never-fits', 'cost/peek-foretells'],
    peers: ['Upstash, token bucket'],
    text: 'A refusal says `remaining: 0` whatever is left. Nothing is taken: what is left can still be had by a smaller call.',
  },
  {
    claims: ['refund/never-overfills', 'refund/of-nothing'],
    peers: ['rate-limiter-flexible', 'Upstash'],
    text: 'Giving back (`reward`, a negative `rate`) is a plain subtraction: given more than was taken, more than the limit can be had until the window ends (with the token bucket, until its next refill). Neither documents a bound.',
  },
  {
    claims: ['block/never-shortened'],
    peers: ['rate-limiter-flexible'],
    text: 'The latest `block` replaces an earlier one, also when it ends sooner.',
  },
  {
    claims: ['block/ends-by-itself', 'time/short-windows-end', 'time/long-windows-hold'],
    peers: ['rate-limiter-flexible, Redis'],
    text: 'Durations are numbers of seconds and the Redis limiter rounds them down to whole ones: a window or block of less than a second gets no expiry and stays, and a window of 2,147,483.648 s ends 648 ms early. The documents say "number of seconds" and show whole ones; with whole seconds windows and blocks end when they say.',
  },
  {
    claims: ['policy/changed-limit'],
    peers: ['Upstash, token bucket'],
    text: 'The tokens that are left are kept, not those that were spent: 3 left of 10 are 3 of 20 when the limit is raised.',
  },
  {
    claims: ['exclusion/no-update-is-lost'],
    peers: ['verrou, memory'],
    text: "Two holders at once. An attempt waits in the mutex of the key's entry for one turn of the timers; a release in that moment passes the mutex to it and then deletes the entry, so the next attempt makes another entry and is let in beside it. Seen without any shim too: 8 tasks that took turns by `acquireImmediately`, or by `acquire` with retries every millisecond, were inside together in about half of their grants.",
  },
  {
    claims: ['lease/stale-release-leaves-the-next-holder', 'lease/stale-extension-leaves-the-next-holder'],
    peers: ['verrou, memory'],
    text: "After an expiry the entry keeps its first owner: the stale holder's `release` frees the lock of the next one and its `extend` succeeds, while the next holder's own `release` is refused. The Redis driver does neither.",
  },
  {
    claims: ['lease/expired-cannot-be-extended', 'force/evicts-every-holder'],
    peers: ['verrou, memory'],
    text: '`extend` looks at the owner alone: a lock that has expired, or was released by force, is extended without an error. The Redis driver throws.',
  },
  {
    claims: ['lease/expired-cannot-be-released', 'core/release-twice-is-harmless'],
    peers: ['verrou, memory'],
    text: 'Releasing what is no longer held resolves as if it had been, where the Redis driver throws `E_LOCK_NOT_OWNED`. As long as nobody else holds the key this harms nobody.',
  },
  {
    claims: ['permits/expired-permit-comes-back'],
    peers: ['redis-semaphore'],
    text: 'Whether a permit has expired is judged by the `lockTimeout` of the one who asks, not of the one who held it. The claim mixes timeouts on one key; where all use the same, it is freed in time.',
  },
];

/** What is known of a failure. */
export function remarkOn(peer: string, id: string): Remark | undefined {
  return remarks.find(({ claims, peers }) => claims.includes(id) && peers.some((name) => peer.startsWith(name)));
}
