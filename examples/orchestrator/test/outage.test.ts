import { skipReason } from '@headgate/test-servers';
import { beforeAll, describe, expect, test } from 'vitest';
import { reportOf } from '../src/demo-outage-report.js';
import { runOutage } from '../src/demo-outage-run.js';
import { tableOf } from '../src/demo-outage-table.js';
import type { OutageReport } from '../src/demo-outage-report.js';

const reason = skipReason('redis');

/** How late the instances' processes may be scheduled on a busy machine of two cores; this process's own lateness is measured. */
const slackMs = 500;

const common = {
  instances: 3,
  limitPerSecond: 60,
  callsPerSecond: 120,
  timeoutMs: 250,
  beforeMs: 2000,
  afterMs: 2000,
};
// What demo:outage prints, with a shorter outage; and the other kind of outage, in which only the time limit tells.
const outages = [
  { ...common, fault: 'kill', outageMs: 4000, reconciledAtLeast: 0.9 },
  // Until the breaker opens, after five time-outs, every call was sent: Redis may find it in its socket, so it is not charged again.
  { ...common, fault: 'freeze', outageMs: 3000, reconciledAtLeast: 0.3 },
] as const;

describe.skipIf(reason).each(outages)(
  'Redis is away for $outageMs ms ($fault)',
  ({ reconciledAtLeast, ...options }) => {
    const { timeoutMs, limitPerSecond } = options;
    let report: OutageReport;

    beforeAll(async () => {
      report = reportOf(await runOutage(options));
    }, 90_000);

    const phase = (name: string): OutageReport['phases'][number] => {
      const found = report.phases.find((candidate) => candidate.name === name);
      if (!found) throw new Error(`No phase ${name}`);
      return found;
    };

    test('no call fails', () => {
      expect(report.errors).toEqual({});
    });

    test('no call takes longer than the timeout and the scheduling of two processes', () => {
      expect(report.slowestMs).toBeLessThan(timeoutMs + slackMs + report.lagMs);
    });

    test('each instance leaves Redis once and returns once', () => {
      expect({ activations: report.activations, recoveries: report.recoveries }).toEqual({
        activations: 3,
        recoveries: 3,
      });
    });

    test('Redis decides before and after, the fallbacks while it is away', () => {
      const byFallback = ({ sources, admitted, denied }: OutageReport['phases'][number], less = 0): number =>
        ((sources['fallback'] ?? 0) - less) / (admitted + denied);
      // A store that a busy machine keeps waiting for longer than the timeout is away too, for that call: hence no 0 and no 1.
      // Those that were under way when Redis went are decided without it.
      expect(byFallback(phase('before'), report.extra.inFlight)).toBeLessThan(0.1);
      expect(byFallback(phase('Redis is away'))).toBeGreaterThan(0.9);
      expect(byFallback(phase('after'))).toBeLessThan(0.1);
    });

    test('each fallback admits at most its share, and no less than traffic and share allow', () => {
      expect(report.shares).toHaveLength(3);
      for (const { asked, admitted, bound } of report.shares) {
        expect(admitted).toBeLessThanOrEqual(bound);
        // The load means to ask for twice the share, but on a busy machine it comes in gusts, and less of it: a gust beyond the bucket is refused,
        // and a lull after it leaves tokens unasked for.
        expect(admitted).toBeGreaterThan(0.8 * Math.min(asked, bound));
      }
    });

    test('all that is admitted stays within the limit and the bound of docs/fallback.md', () => {
      const { freshStart, inFlight, lateReturn } = report.extra;
      expect(report.admitted).toBeLessThanOrEqual(report.allowance + freshStart + inFlight + lateReturn);
      // An outage is no reason to refuse what the limit allows.
      expect(report.admitted).toBeGreaterThan(0.9 * report.allowance);
    });

    test('what the fallbacks admitted is charged to Redis on its return, once at most', () => {
      const admitted = report.shares.reduce((sum, share) => sum + share.admitted, 0);
      expect(report.reconciledUnits).toBeLessThanOrEqual(admitted);
      expect(report.reconciledUnits).toBeGreaterThan(reconciledAtLeast * admitted);
    });

    test('the table shows these figures', () => {
      const table = tableOf(report, limitPerSecond);
      expect(table).toMatch(/^before .*store/m);
      expect(table).toMatch(/^Redis is away .*fallback/m);
      expect(table).toContain(`units reconciled     ${report.reconciledUnits}`);
      expect(table).toMatch(/^errors {15}0$/m);
    });
  },
);
