import { expect, it } from 'vitest';
import { drawGrowth } from './growth-plot.js';

const plot = {
  title: 'Time & keys',
  x: 'keys',
  y: 'µs',
  points: [
    [10, 5],
    [100, 5.5],
    [1000, 5.2],
  ],
} as const;

it('draws an SVG of its own with the title, both axes and every point', () => {
  const svg = drawGrowth(plot);
  expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  for (const text of ['Time &amp; keys', '>keys<', '>µs<', '1,000']) expect(svg).toContain(text);
});

it('shows a constant cost over at least two decades, so that noise does not look like growth', () => {
  const svg = drawGrowth({
    ...plot,
    points: [
      [1, 1],
      [10, 1],
    ],
  });
  for (const tick of ['0.1', '>1<', '>10<']) expect(svg).toContain(tick);
});
