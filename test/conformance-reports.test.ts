import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const bin = 'packages/conformance/dist/bin.js';
const stores = ['dynamodb', 'memory', 'postgres', 'redis'];

describe('the conformance reports in docs', () => {
  it('are one for each store', () => {
    expect(readdirSync('docs/conformance').sort()).toEqual(stores.map((store) => `${store}.md`));
  });

  // Out of date? `npm run conformance:reports` writes them anew.
  it.each(stores)('name the properties of the suite as it is (%s)', async (store) => {
    const { stderr } = await run(process.execPath, [bin, 'check', `docs/conformance/${store}.md`]);
    expect(stderr).toBe('');
  });

  it.each(stores)('hold no failure, and the README of %s links to them', (store) => {
    expect(readFileSync(`docs/conformance/${store}.md`, 'utf8')).not.toContain('**no**');
    expect(readFileSync(`packages/${store}/README.md`, 'utf8')).toContain(`docs/conformance/${store}.md`);
  });
});
