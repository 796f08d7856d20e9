// What `@headgate/core` weighs in somebody's bundle: minified and compressed, for what applications import and as a whole.
// The target for the whole is not met (docs/decisions/0002-what-core-weighs.md); each figure fails above its guard, so that it only gets better.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'rolldown';
import { root } from './workspaces.mjs';

const targetBytes = 12_000;
const core = join(root, 'packages/core/dist/index.js');
const limits = 'createLimiter, tokenBucket, fixedWindow, slidingWindow, slidingLog';

/** What is imported, and the bytes above which the check fails. */
const guards = [
  { what: 'limits', names: `{ ${limits} }`, guardBytes: 10_850 },
  { what: 'locks', names: '{ createLocks }', guardBytes: 12_000 },
  { what: 'everything', names: '*', guardBytes: 24_850 },
];

/** @param {string} names */
async function gzipBytes(names) {
  const folder = mkdtempSync(join(root, 'packages/core/.cache/size-'));
  try {
    const entry = join(folder, 'entry.mjs');
    writeFileSync(entry, `export ${names} from ${JSON.stringify(core)};`);
    const { output } = await build({
      input: entry,
      external: /^node:/,
      write: false,
      output: { format: 'esm', minify: true },
    });
    return gzipSync(output[0].code, { level: 9 }).length;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param {number} bytes */
const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
for (const { what, names, guardBytes } of guards) {
  const bytes = await gzipBytes(names);
  const verdict = bytes <= targetBytes ? 'met' : `missed by ${kB(bytes - targetBytes)}`;
  console.log(
    `@headgate/core, ${what}: ${kB(bytes)} minified with gzip; target ${kB(targetBytes)} ${verdict}; guard ${kB(guardBytes)}`,
  );
  if (bytes > guardBytes) process.exitCode = 1;
}
