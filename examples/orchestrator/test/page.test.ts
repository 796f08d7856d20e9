import { requireBinary, skipReason, startRedis } from '@headgate/test-servers';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { send, startService } from './service.js';

const reason = skipReason('chromium');

describe.skipIf(reason)('the page in a real browser', { timeout: 60_000 }, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: requireBinary('chromium'),
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  });
  afterAll(() => browser?.close());

  /** Opens the page and collects what it complains about. */
  async function openPage(
    url: string,
    options: Parameters<Browser['newPage']>[0] = {},
  ): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage(options);
    onTestFinished(() => page.close());
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(url);
    await page.getByText('store:').waitFor();
    return { page, complaints };
  }

  test('locks, waiters and sessions appear and vanish as they come and go', async () => {
    const service = await startService();
    const { page, complaints } = await openPage(await service.listen());
    await page.getByText('No locks are held.').waitFor();
    await send(service, 'POST', '/sessions/alice/locks', { path: 'src/app.ts' });
    const row = page.locator('#locks tr', { hasText: 'src/app.ts' });
    await row.waitFor();
    expect(await row.textContent()).toContain('alice');
    const waiting = send(service, 'POST', '/sessions/bob/locks', { path: 'src/app.ts', waitMs: 20_000 });
    await page.locator('#queue tr', { hasText: 'bob' }).waitFor();
    await page.locator('#sessions li', { hasText: 'alice: src/app.ts' }).waitFor();
    await send(service, 'DELETE', '/sessions/alice');
    expect((await waiting).status).toBe(201);
    await page.locator('#locks tr', { hasText: 'bob' }).waitFor();
    await page.getByText('Nobody waits.').waitFor();
    await send(service, 'DELETE', '/sessions/bob');
    await page.getByText('No locks are held.').waitFor();
    expect(complaints).toEqual([]);
  });

  test('the figures and the chart move with the decisions', async () => {
    const service = await startService({ TASKS_PER_MINUTE: '5' });
    const { page, complaints } = await openPage(await service.listen());
    await page.locator('#chart canvas').waitFor();
    const picture = () =>
      page.locator('#chart canvas').evaluate((canvas) => (canvas as unknown as { toDataURL(): string }).toDataURL());
    const before = await picture();
    for (let i = 0; i < 40; i++) await send(service, 'POST', '/tasks', undefined, { 'x-tenant': 'acme' });
    await page.waitForFunction("Number(document.getElementById('denied').textContent) > 0");
    await expect.poll(picture, { timeout: 10_000 }).not.toBe(before);
    expect(complaints).toEqual([]);
  });

  test('an operator releases a lock after confirming, with the token', async () => {
    const service = await startService({ ADMIN_TOKEN: 'secret' });
    const { page, complaints } = await openPage(await service.listen());
    await send(service, 'POST', '/sessions/stuck/locks', { path: 'f' });
    const questions: string[] = [];
    page.on('dialog', (dialog) => {
      questions.push(dialog.message());
      void dialog.accept(dialog.type() === 'prompt' ? 'secret' : undefined);
    });
    await page.locator('#locks tr', { hasText: 'stuck' }).getByRole('button', { name: 'Release' }).click();
    await page.getByText('No locks are held.').waitFor();
    expect(questions).toEqual(['Take the lock on f away from its holder?', 'Admin token']);
    expect((await send(service, 'POST', '/sessions/next/locks', { path: 'f' })).status).toBe(201);
    expect(complaints).toEqual([]);
  });

  test('there is no release button when no token is configured', async () => {
    const service = await startService();
    const { page } = await openPage(await service.listen());
    await send(service, 'POST', '/sessions/a/locks', { path: 'f' });
    await page.locator('#locks tr', { hasText: 'f' }).waitFor();
    expect(await page.getByRole('button').count()).toBe(0);
  });

  test.each(['light', 'dark'] as const)('it is readable on a phone, %s', async (colorScheme) => {
    const service = await startService();
    const url = await service.listen();
    await send(service, 'POST', '/sessions/a-rather-long-session-name/locks', {
      path: 'a/rather/long/path/of/a/file.ts',
    });
    const { page, complaints } = await openPage(url, { colorScheme, viewport: { width: 390, height: 800 } });
    await page.locator('#locks tr', { hasText: 'a/rather/long' }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(true);
    const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(ground).toBe(colorScheme === 'dark' ? 'rgb(18, 21, 26)' : 'rgb(246, 247, 249)');
    expect(complaints).toEqual([]);
  });

  test.skipIf(skipReason('redis'))(
    'the outage banner comes when Redis is killed and goes when it is back',
    async () => {
      const redis = await startRedis();
      onTestFinished(() => redis.stop());
      const service = await startService({
        STORE: 'redis',
        REDIS_URL: redis.url,
        INSTANCES: '2',
        TASKS_PER_MINUTE: '1000',
      });
      const { page, complaints } = await openPage(await service.listen());
      const task = () => send(service, 'POST', '/tasks', undefined, { 'x-tenant': 'acme' });
      expect((await task()).body.source).toBe('store');
      const banner = page.locator('#banner');
      const traffic = setInterval(() => void task(), 50);
      onTestFinished(() => clearInterval(traffic));
      await redis.kill();
      await banner.filter({ hasText: 'The shared store is away' }).waitFor();
      expect((await task()).body.source).toBe('fallback');
      await redis.restart();
      await banner.waitFor({ state: 'hidden' });
      expect((await task()).body.source).toBe('store');
      const taken = await send(service, 'POST', '/sessions/a/locks', { path: 'after' });
      expect(taken.status).toBe(201);
      await page.locator('#locks tr', { hasText: 'after' }).waitFor();
      // The page's own service was there all the time: what happens behind it is shown, not logged.
      expect(complaints).toEqual([]);
    },
  );
});
