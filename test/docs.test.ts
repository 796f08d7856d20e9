import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../scripts/workspaces.mjs';
import { type DocsBlock, parseBlocks, readDocsBlocks } from './docs-blocks.js';
import { environmentFor, skippedServer, stopServers } from './docs-servers.js';

const execute = promisify(execFile);
const blocks = readDocsBlocks();
const folder = join(root, '.cache/docs');
let compilerOutput = '';

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const block of blocks) writeFileSync(join(folder, `${baseName(block)}.ts`), sourceOf(block));
  compilerOutput = await compile();
});
afterAll(stopServers);

describe.each(blocks.map((block) => [`${block.document}:${block.line}`, block] as const))('%s', (_, block) => {
  it('compiles', () => {
    expect(compilerOutput.split('\n').filter((line) => line.includes(`${baseName(block)}.ts`))).toEqual([]);
  });

  it('runs', async (test) => {
    const reason = block.noRun ?? skippedServer(block.setup);
    if (reason !== undefined) test.skip(reason);
    const url = pathToFileURL(join(folder, 'out', `${baseName(block)}.js`)).href;
    // The process ends when the block has been evaluated to its end; open clients and listeners do not keep it.
    const program = `await import(${JSON.stringify(url)}); process.exit(0);`;
    const env = { ...process.env, ...(await environmentFor(block.setup)) };
    const run = execute('node', ['--input-type=module', '--eval', program], { cwd: folder, env, timeout: 20_000 });
    await expect(run).resolves.toBeDefined();
  });
});

describe('the reader of blocks', () => {
  it('takes the setup and the reason not to run from the comments above a block', () => {
    const markdown = [
      '<!-- setup: redis, postgres -->',
      '<!-- no-run: never ends -->',
      '```ts',
      'let a = 1;',
      '```',
    ].join('\n');
    expect(parseBlocks('a.md', markdown)).toEqual([
      { document: 'a.md', line: 3, code: 'let a = 1;', setup: ['redis', 'postgres'], noRun: 'never ends' },
    ]);
  });

  it('leaves blocks in other languages alone, and refuses those that should have been `ts`', () => {
    expect(parseBlocks('a.md', '```sh\n```ts\nnpm ci\n```')).toEqual([]);
    expect(() => parseBlocks('a.md', '\n```js\n1;\n```')).toThrow('a.md:2');
  });
});

/** Such as `packages-redis-README-L12`. */
function baseName({ document, line }: DocsBlock): string {
  return `${document.replace(/\.md$/, '').replaceAll(/[\\/]/g, '-')}-L${line}`;
}

/** The block as a module, its lines where they are in the document. */
function sourceOf({ code, line }: DocsBlock): string {
  return `${'\n'.repeat(line)}${code}\nexport {};\n`;
}

/** Compiles all blocks at once, strictly and for Node 20, and returns the compiler's errors. */
async function compile(): Promise<string> {
  const compilerOptions = {
    strict: true,
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    module: 'nodenext',
    types: ['node'],
    skipLibCheck: true,
    rootDir: '.',
    outDir: 'out',
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  return execute('node', [tsc, '-p', '.', '--pretty', 'false'], { cwd: folder }).then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  );
}
