import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const folder = fileURLToPath(new URL('./smoke', import.meta.url));
const packageFolder = fileURLToPath(new URL('..', import.meta.url));
const { resolve } = createRequire(import.meta.url);

function binOf(name: string, bin: string): string {
  return join(dirname(resolve(`${name}/package.json`)), bin);
}

/** How each runner is asked to run the file that hands its `describe` and `it` to both suites. */
const runners = [
  {
    runner: 'vitest',
    args: [binOf('vitest', 'vitest.mjs'), 'run', '--root', folder, '--config', join(folder, 'vitest.config.mjs')],
  },
  { runner: 'node:test', args: ['--test', '--test-reporter=spec', join(folder, 'node.mjs')] },
  { runner: 'mocha', args: [binOf('mocha', 'bin/mocha.js'), '--no-config', join(folder, 'mocha.mjs')] },
  {
    runner: 'jest',
    args: [
      '--experimental-vm-modules',
      binOf('jest', 'bin/jest.js'),
      '--rootDir',
      folder,
      '--config',
      join(folder, 'jest.config.json'),
    ],
  },
];

describe('the suites run under', () => {
  it.each(runners)(
    '$runner',
    async ({ args }) => {
      // As from a shell: this runner's own variables would make another believe it is a part of it.
      const env = Object.fromEntries(
        Object.entries(process.env).filter(
          ([name]) => !/^(VITEST|NODE_ENV|NODE_OPTIONS|NODE_TEST|TEST|HEADGATE)/.test(name),
        ),
      );
      const { stdout, stderr } = await run(process.execPath, args, { cwd: packageFolder, env, timeout: 60_000 });
      const output = stdout + stderr;
      expect(output).toContain("limiter conformance of 'memory': 1 ran, 1 passed, 0 failed, 2 skipped; seed 1");
      expect(output).toContain('record/shared         the fixture gives no openPeer');
      expect(output).toContain("faults/killed-server  needs the fault hook 'kill', 'restartStore'");
      expect(output).toMatch(/lock conformance of 'memory': 1 ran, 1 passed, 0 failed, 1 skipped/);
    },
    90_000,
  );

  it('a runner that shows a failing property as a failing test', async () => {
    const failing = run(process.execPath, ['--test', join(folder, 'failing.mjs')], { timeout: 60_000 });
    await expect(failing).rejects.toMatchObject({ stdout: expect.stringContaining('cost/burst') });
  }, 90_000);
});
