import { mkdirSync, writeFileSync } from 'node:fs';
import { decideStep, fixedWindow, slidingLog, slidingWindow, tokenBucket } from '@headgate/core';
import type { Limit, LimiterRecord } from '@headgate/core';
import * as echarts from 'echarts';

/*
 * Draws what each algorithm admits of the same traffic, for docs/choosing.md: run `npm run plots` in this package. The curves come from
 * `decideStep` itself, on simulated time.
 */

const limits: readonly (readonly [label: string, limit: Limit])[] = [
  ['token bucket', tokenBucket({ capacity: 100, refillIntervalMs: 10_000 })],
  ['fixed window (aligned)', fixedWindow({ limit: 100, windowMs: 10_000, aligned: true })],
  ['sliding window', slidingWindow({ limit: 100, windowMs: 10_000 })],
  ['sliding log', slidingLog({ limit: 100, windowMs: 10_000 })],
];

interface Traffic {
  readonly name: string;
  readonly title: string;
  /** Calls per second at a time in seconds. */
  rate(second: number): number;
}

const traffics: readonly Traffic[] = [
  { name: 'steady-overload', title: 'Steady 30 calls/s against a limit of 100 per 10 s', rate: () => 30 },
  {
    name: 'burst-at-the-edge',
    title: '100 calls in the second before and in the second after a window’s edge',
    rate: (second) => (second % 20 === 9 || second % 20 === 10 ? 100 : 0),
  },
];

const seconds = 40;
const binMs = 500;

/** Calls admitted per bin; calls are evenly spread within each second. */
function admittedPerBin(limit: Limit, traffic: Traffic): number[] {
  const bins = Array.from<number>({ length: (seconds * 1000) / binMs }).fill(0);
  let record: LimiterRecord | undefined;
  for (let second = 0; second < seconds; second++) {
    const calls = traffic.rate(second);
    for (let i = 0; i < calls; i++) {
      const nowUs = second * 1_000_000 + Math.floor((i * 1_000_000) / calls);
      const { record: next, result } = decideStep(record, [limit], [{ kind: 'consume', cost: 1 }], nowUs);
      record = next;
      const bin = Math.floor(nowUs / 1000 / binMs);
      if (result.answers[0]?.allowed) bins[bin] = (bins[bin] as number) + 1;
    }
  }
  return bins;
}

/** Calls admitted within the last 10 s, by bin: what a downstream that counts any 10 s would see. */
function overLastWindow(bins: readonly number[]): number[] {
  const width = 10_000 / binMs;
  return bins.map((_, i) => bins.slice(Math.max(0, i - width + 1), i + 1).reduce((sum, value) => sum + value, 0));
}

function draw(traffic: Traffic): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 760, height: 340 });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: traffic.title, subtext: 'calls admitted in the last 10 s', textStyle: { fontSize: 14 } },
    legend: { bottom: 0, itemGap: 30 },
    grid: { left: 50, right: 20, top: 60, bottom: 60 },
    xAxis: { type: 'value', min: 0, max: seconds, axisLabel: { formatter: '{value} s' } },
    yAxis: { type: 'value', min: 0 },
    series: limits.map(([name, limit]) => ({
      name,
      type: 'line',
      showSymbol: false,
      data: overLastWindow(admittedPerBin(limit, traffic)).map((value, i) => [((i + 1) * binMs) / 1000, value]),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

const folder = new URL('../../../../docs/plots/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const traffic of traffics) writeFileSync(new URL(`${traffic.name}.svg`, folder), draw(traffic));
