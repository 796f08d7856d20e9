import * as echarts from 'echarts';
import type { Point } from '../growth.js';

/** What is drawn. */
export interface GrowthPlot {
  readonly title: string;
  /** What grows, such as `keys`. */
  readonly x: string;
  /** What an operation costs, with its unit. */
  readonly y: string;
  readonly points: readonly Point[];
}

/** Draws a small plot with both axes logarithmic, where a constant cost is level and a proportional one climbs a decade per decade. Returns SVG. */
export function drawGrowth({ title, x, y, points }: GrowthPlot): string {
  const [minX, maxX] = decades(points.map(([at]) => at));
  const [minY, maxY] = decades(points.map(([, cost]) => cost));
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 400, height: 280 });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: title, textStyle: { fontSize: 13 } },
    grid: { left: 70, right: 20, top: 40, bottom: 50 },
    xAxis: { type: 'log', min: minX, max: maxX, name: x, nameLocation: 'middle', nameGap: 28 },
    yAxis: { type: 'log', min: minY, max: maxY, name: y, nameLocation: 'middle', nameGap: 50 },
    series: [{ type: 'line', symbolSize: 6, data: points.map((point) => [...point]) }],
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

/** The powers of ten around `values`, at least two decades apart, so that noise on a level line looks like noise. */
function decades(values: readonly number[]): readonly [number, number] {
  const from = Math.floor(Math.log10(Math.min(...values)));
  const to = Math.ceil(Math.log10(Math.max(...values)));
  return to - from >= 2
    ? [10 ** from, 10 ** to]
    : [10 ** (to === from ? from - 1 : from), 10 ** (to === from ? to + 1 : from + 2)];
}
