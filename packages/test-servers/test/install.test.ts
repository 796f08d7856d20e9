import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../scripts/install.mjs', import.meta.url));

describe('servers:install --check', () => {
  it('names what is missing and fails, without installing it', () => {
    const { status, stdout } = spawnSync(process.execPath, [script, '--check'], {
      encoding: 'utf8',
      env: { PATH: '/nowhere' },
    });
    expect(status).toBe(1);
    expect(stdout).toMatch(/^MISSING Redis$/m);
    expect(stdout).not.toContain('apt-get');
  });
});
