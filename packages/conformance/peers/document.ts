import { leftOut } from './claims.js';
import { remarkOn, remarks } from './remarks.js';
import type { Remark } from './remarks.js';
import type { Outcome, Verdicts } from './run.js';

/** Everything that `docs/peers.md` shows. */
export interface Findings {
  readonly limiters: Verdicts;
  readonly locks: Verdicts;
  /** What was run: a package or server, and its version. */
  readonly versions: readonly (readonly [name: string, version: string])[];
  /** Day of the run, as `2026-01-31`. */
  readonly date: string;
}

type Row = Verdicts['rows'][number];

const introduction = `# Other libraries, held to Headgate's claims

\`@headgate/conformance\` states what a store of limits or locks must do as claims that can fail. This page shows which of
them hold for other libraries. It is no ranking: each of these libraries set out to do something of its own, several
claims are only ours, and all of them have seen far more production than Headgate has.

- **holds**: the claim was tried and did not fail; claims about races were tried ten times.
- **does not hold**: it was tried and failed; the number leads to what was found when the failure was looked into by hand.
  It means that the library does something else than the claim says, not that it breaks a promise of its own.
- **not offered**: the library never claimed anything of the kind, so nothing was counted against it.

A library is put behind Headgate's contracts by a shim of at most 60 lines (\`packages/conformance/peers/shims\`), and a
shim may be at fault: if you find that one misuses your library, please open an issue. Each failure below was traced to
the library's own code or reproduced with the library alone, but the shims were written by people who know Headgate better than these libraries.
`;

const method = `## How the shims work

- **Limits.** A claim that tries every algorithm is tried with the one algorithm of the peer, given the same quota and
  window. Every call is one key, one limit and one operation. Windows of 1,000 days, by which many claims keep time out
  of the matter, are cut to 24 days for rate-limiter-flexible's memory limiter, which documents that as its longest. That
  a cost can never fit is told by the shim. Costs are the points of \`consume\` and the \`rate\` of \`limit\`; refunds are \`reward\` and a negative \`rate\`; peeks are \`get\` and
  \`getRemaining\`. Times are whole milliseconds of the caller's clock, and instants
  that differ by no more than the time a call may take are taken for one.
- **Upstash.** Its scripts run on an ordinary Redis, through an object that forwards \`evalsha\` and \`eval\` to ioredis. Their
  first line, which names a flag that only Upstash's server knows, is cut off; otherwise they are as published. The cache of denials in
  the process and the time-out that lets calls pass are switched off. What its service adds (several regions, analytics, deny
  lists) was not tried.
- **Locks.** One attempt per call, without the peer's own waiting and renewal. Our lease ids are the peer's owner values (redlock
  picks its own; the shim keeps the locks it returned). Claims look at who holds a key: the shims read that from Redis, or for verrou's
  memory driver remember it. Fencing tokens are made up by the shim and no claim about them is asked. redis-semaphore's
  \`release\` does not tell whether it released anything, so its shim looks before.
- **Not tried.** redlock with several servers, and with several resources in one lock. rate-limiter-flexible's
  \`RateLimiterUnion\`, which asks several limiters at once and does not claim to be one step, and its other wrappers.
`;

/** The page as Markdown. */
export function documentOf({ limiters, locks, versions, date }: Findings): string {
  return [
    introduction,
    `Run on ${date} with \`npm run conformance:peers\`, which writes this page:`,
    '',
    '| What | Version |',
    '| --- | --- |',
    ...versions.map(([name, version]) => `| ${name} | ${version} |`),
    '',
    ...section('Limits', limiters, leftOut.limiter),
    ...section('Locks', locks, leftOut.lock),
    method,
  ].join('\n');
}

function section(title: string, verdicts: Verdicts, left: Readonly<Record<string, string>>): readonly string[] {
  const { peers, rows } = verdicts;
  const tried = rows.filter((row) => Object.values(row.outcomes).some(({ verdict }) => verdict !== 'not offered'));
  const numbered = remarks.filter((remark) => tried.some((row) => failures(row).some((found) => found === remark)));
  const mark = (peer: string, id: string): string => {
    const remark = remarkOn(peer, id);
    return remark ? `[${numbered.indexOf(remark) + 1}]` : '(not looked into)';
  };
  const cell = (peer: string, { id }: Row['claim'], { verdict }: Outcome): string =>
    verdict === 'does not hold' ? `**does not hold** ${mark(peer, id)}` : verdict;
  return [
    `## ${title}`,
    '',
    `| Claim | ${peers.join(' | ')} |`,
    `| --- |${' --- |'.repeat(peers.length)}`,
    ...tried.map(
      ({ claim, outcomes }) =>
        `| ${escaped(claim.title)} | ${peers.map((peer) => cell(peer, claim, outcomes[peer] as Outcome)).join(' | ')} |`,
    ),
    '',
    'What was found where a claim does not hold:',
    '',
    ...numbered.map((remark, index) => `${index + 1}. ${remark.text}`),
    '',
    'What the rows of the table ask for where something is not offered:',
    '',
    ...missing(tried, peers),
    '',
    'Claims that none of them could be asked, by what they need:',
    '',
    ...needs(rows.filter((row) => !tried.includes(row))),
    '',
    `Not asked of anybody: ${[...new Set(Object.values(left))].join('; ')}.`,
    '',
  ];
}

function failures({ claim, outcomes }: Row): readonly (Remark | undefined)[] {
  return Object.entries(outcomes)
    .filter(([, { verdict }]) => verdict === 'does not hold')
    .map(([peer]) => remarkOn(peer, claim.id));
}

function missing(rows: readonly Row[], peers: readonly string[]): readonly string[] {
  return peers.flatMap((peer) => {
    const reasons = rows.flatMap(({ outcomes }) => {
      const outcome = outcomes[peer];
      return outcome?.verdict === 'not offered' ? [outcome.reason ?? ''] : [];
    });
    return reasons.length === 0 ? [] : [`- ${peer}: ${[...new Set(reasons)].join('; ')}.`];
  });
}

/** What claims need that are not offered by anybody, and how many need it. */
function needs(rows: readonly Row[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { outcomes } of rows) {
    const need = [...new Set(Object.values(outcomes).map(({ reason = '' }) => reason))].join(', or ');
    counts.set(need, (counts.get(need) ?? 0) + 1);
  }
  return [...counts].map(([need, count]) => `- ${need}: ${count} ${count === 1 ? 'claim' : 'claims'}`);
}

function escaped(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}
