/** One measured point: how much there was of something, and what one operation then cost. */
export type Point = readonly [x: number, cost: number];

/** Exponents nearer to 0 or 1 than this count as 0 or 1: what caches and noise do to a few points. */
const tolerance = 0.15;

/** The slope of `log cost` over `log x` by least squares: 0 when the cost of an operation does not depend on x, 1 when it is proportional to it. */
export function exponentOf(points: readonly Point[]): number {
  const logs = points.map(([x, cost]) => [Math.log(x), Math.log(cost)] as const);
  const mean = (axis: 0 | 1): number => logs.reduce((sum, log) => sum + log[axis], 0) / logs.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  if (variance === 0) throw new Error('Growth needs at least two different x');
  return covariance / variance;
}

/** An exponent in words. */
export function shapeOf(exponent: number): string {
  if (exponent < -tolerance) return 'falls';
  if (exponent <= tolerance) return 'constant';
  if (exponent < 1 - tolerance) return 'grows less than linearly';
  return exponent <= 1 + tolerance ? 'linear' : 'worse than linear';
}
