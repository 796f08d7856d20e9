import { describe, expect, it } from 'vitest';
import { registerSuite, runSuite } from './suite.js';
import type { Property } from './property.js';
import type { Suite } from './suite.js';

interface Context {
  readonly can: boolean;
}

const properties: readonly Property<Context>[] = [
  { id: 'a/holds', title: 'it holds', run: async () => {} },
  {
    id: 'a/breaks',
    title: 'it breaks',
    run: async () => {
      throw new Error('broken');
    },
  },
  {
    id: 'b/cannot',
    title: 'it cannot',
    unless: ({ can }) => (can ? undefined : 'it never said so'),
    run: async () => {},
  },
  { id: 'b/hurts', title: 'it hurts', faults: ['kill', 'restartStore'], run: async () => {} },
  { id: 'c/hangs', title: 'it hangs', timeoutMs: 20, run: () => new Promise(() => {}) },
];

let closed = 0;
const suite: Suite<Context> = {
  name: 'limiter',
  seed: 3,
  properties,
  open: async () => ({
    context: { can: false },
    identity: { name: 'mine', clock: 'store', capabilities: { lag: Infinity } },
    close: async () => {
      closed += 1;
    },
  }),
};

/** A runner that only remembers. */
function collecting(withSkip: boolean): {
  api: Parameters<typeof registerSuite>[1];
  tests: [string, () => Promise<void>][];
  skipped: string[];
  printed: string[];
} {
  const tests: [string, () => Promise<void>][] = [];
  const skipped: string[] = [];
  const printed: string[] = [];
  const plain = (name: string, body: () => Promise<void>): unknown => tests.push([name, body]);
  const register = withSkip ? Object.assign(plain, { skip: (name: string) => skipped.push(name) }) : plain;
  const api = {
    describe: (_name: string, body: () => void) => body(),
    it: register,
    print: (text: string) => void printed.push(text),
  };
  return { api, tests, skipped, printed };
}

describe('a suite', () => {
  it('comes to a verdict on every property, in its order, and closes what each opened', async () => {
    closed = 0;
    const { results, store, capabilities, seed } = await runSuite(suite, {});
    expect(results.map(({ id, verdict, reason }) => [id, verdict, reason])).toEqual([
      ['a/holds', 'pass', undefined],
      ['a/breaks', 'fail', 'broken'],
      ['b/cannot', 'skip', 'it never said so'],
      ['b/hurts', 'skip', "needs the fault hook 'kill', 'restartStore'"],
      ['c/hangs', 'fail', 'c/hangs did not finish within 20 ms'],
    ]);
    expect({ store, capabilities, seed, closed }).toEqual({
      store: 'mine',
      capabilities: { lag: 'Infinity' },
      seed: 3,
      closed: 4,
    });
  });

  it('fails a property whose store cannot be closed, and all when none can be made', async () => {
    const open = suite.open;
    const stuck = {
      ...suite,
      open: async () => ({ ...(await open()), close: () => Promise.reject(new Error('stuck')) }),
    };
    expect((await runSuite(stuck, { only: ['a/holds'] })).results[0]).toMatchObject({
      verdict: 'fail',
      reason: 'stuck',
    });
    const none = { ...suite, open: () => Promise.reject(new Error('no server')) };
    expect((await runSuite(none, { only: ['a'] })).results.map(({ reason }) => reason)).toEqual([
      'no server',
      'no server',
    ]);
  });

  it('refuses a name in `only` that matches nothing', async () => {
    await expect(runSuite(suite, { only: ['a/holds', 'a/hold'] })).rejects.toThrow('a/hold');
  });

  it('registers a test for each property and a last one that reports', async () => {
    const { api, tests, skipped, printed } = collecting(true);
    registerSuite(suite, api);
    expect(tests.map(([name]) => name)).toEqual([
      'a/holds: it holds',
      'a/breaks: it breaks',
      'b/cannot: it cannot',
      'c/hangs: it hangs',
      'has a report',
    ]);
    expect(skipped).toEqual(["b/hurts: it hurts (skipped: needs the fault hook 'kill', 'restartStore')"]);
    const failed: string[] = [];
    for (const [name, body] of tests) await body().catch(() => failed.push(name));
    expect(failed).toEqual(['a/breaks: it breaks', 'c/hangs: it hangs']);
    expect(printed[0]).toContain("limiter conformance of 'mine': 3 ran, 1 passed, 2 failed, 2 skipped; seed 3");
  });

  it('shows skipped properties as tests where a runner cannot skip', () => {
    const { api, tests } = collecting(false);
    registerSuite(suite, api);
    expect(tests.map(([name]) => name)).toContain(
      "b/hurts: it hurts (skipped: needs the fault hook 'kill', 'restartStore')",
    );
  });
});
