// What `@headgate/core` weighs in somebody's bundle: everything it exports, in one minified file, compressed.
// Fails above the limit (kB are 1000 bytes).
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { join } from 'node:path';
import { build } from 'rolldown';
import { root } from './workspaces.mjs';

const limitBytes = 12_000;

const { output } = await build({
  input: join(root, 'packages/core/dist/index.js'),
  external: /^node:/,
  write: false,
  output: { format: 'esm', minify: true },
});
const code = output[0].code;
const gzipBytes = gzipSync(code, { level: 9 }).length;
const brotliBytes = brotliCompressSync(code).length;

/** @param {number} bytes */
const kB = (bytes) => `${(bytes / 1000).toFixed(2)} kB`;
console.log(
  `@headgate/core: ${kB(code.length)} minified, ${kB(gzipBytes)} with gzip, ${kB(brotliBytes)} with brotli; ` +
    `the limit is ${kB(limitBytes)} with gzip`,
);
if (gzipBytes > limitBytes) process.exitCode = 1;
