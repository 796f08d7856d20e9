import { parseArgs } from 'node:util';
import { reportOf } from './demo-outage-report.js';
import { runOutage } from './demo-outage-run.js';
import { tableOf } from './demo-outage-table.js';

/*
 * `npm run demo:outage`: three instances share one limit through Redis, Redis is killed for 10 s (`-- --outage 4`: for 4 s) and comes back. Prints what was
 * admitted against the limit, and ends with code 1 when any call failed.
 */
const { values } = parseArgs({ options: { outage: { type: 'string', default: '10' } } });
const outageSeconds = Number(values.outage);
if (!(outageSeconds > 0 && outageSeconds <= 600)) {
  throw new Error(`Expected --outage to be seconds above 0 and at most 600, got '${values.outage}'`);
}

const options = {
  instances: 3,
  limitPerSecond: 60,
  callsPerSecond: 120,
  timeoutMs: 250,
  fault: 'kill',
  beforeMs: 5000,
  outageMs: outageSeconds * 1000,
  afterMs: 5000,
} as const;
console.log(
  `${options.instances} instances share a limit of ${options.limitPerSecond}/s through Redis; ${options.callsPerSecond}/s are asked. Redis is killed for ${outageSeconds} s.\n`,
);
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());
try {
  const report = reportOf(await runOutage(options, interrupted.signal));
  console.log(tableOf(report, options.limitPerSecond));
  if (Object.keys(report.errors).length > 0) process.exitCode = 1;
} catch (error) {
  if (!interrupted.signal.aborted) throw error;
  process.exitCode = 130;
}
