import { createLimiter, createLocks, fixedWindow } from '@headgate/core';
import { memoryLimiterStore, memoryLockStore } from '@headgate/memory';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { metricDefinitions } from './definitions.js';
import { prometheusHooks } from './hooks.js';

async function valueOf(register: Registry, name: string, labels: Record<string, string>): Promise<number | undefined> {
  const metric = await register.getSingleMetric(name)?.get();
  return metric?.values.find((value) => Object.entries(labels).every(([label, text]) => value.labels[label] === text))
    ?.value;
}

test('series that can be known start at 0', async () => {
  const register = new Registry();
  const hooks = prometheusHooks({ register });
  createLimiter({
    name: 'api',
    store: memoryLimiterStore(),
    limits: fixedWindow({ limit: 1, windowMs: 60_000 }),
    hooks,
  });
  createLocks({ name: 'files', store: memoryLockStore(), ttlMs: 1000, hooks });
  const expected: [string, Record<string, string>][] = [
    ['headgate_limiter_decisions_total', { limiter: 'api', store: 'memory', outcome: 'denied' }],
    ['headgate_limiter_denials_total', { limiter: 'api', store: 'memory', reason: 'quota' }],
    ['headgate_lock_acquires_total', { lock: 'files', store: 'memory', outcome: 'timeout' }],
    ['headgate_lock_lost_total', { lock: 'files', store: 'memory', reason: 'expired' }],
    ['headgate_session_released_locks_total', { lock: 'files', store: 'memory', cause: 'explicit' }],
  ];
  for (const [name, labels] of expected) expect(await valueOf(register, name, labels), name).toBe(0);
});

test('limiters that share a registry count apart, decisions and denials agree', async () => {
  const register = new Registry();
  const store = memoryLimiterStore();
  const limits = fixedWindow({ limit: 2, windowMs: 60_000 });
  const first = createLimiter({ name: 'first', store, limits, hooks: prometheusHooks({ register }) });
  const second = createLimiter({ name: 'second', store, limits, hooks: prometheusHooks({ register }) });
  for (let i = 0; i < 5; i++) await first.consume('a');
  await second.consume('a');
  const decisions = 'headgate_limiter_decisions_total';
  expect(await valueOf(register, decisions, { limiter: 'first', outcome: 'allowed' })).toBe(2);
  expect(await valueOf(register, decisions, { limiter: 'first', outcome: 'denied' })).toBe(3);
  expect(await valueOf(register, 'headgate_limiter_denials_total', { limiter: 'first', reason: 'quota' })).toBe(3);
  expect(await valueOf(register, decisions, { limiter: 'second', outcome: 'allowed' })).toBe(1);
});

test('a limiter or lock manager made later takes nothing back of what was observed', async () => {
  const register = new Registry();
  const limits = fixedWindow({ limit: 2, windowMs: 60_000 });
  const store = memoryLimiterStore();
  const lockStore = memoryLockStore();
  const hooks = prometheusHooks({ register });
  await createLimiter({ name: 'first', store, limits, hooks }).consume('a');
  const locks = createLocks({ name: 'files', store: lockStore, ttlMs: 1000, hooks });
  await locks.withLock('a', () => 'done');
  for (const later of [hooks, prometheusHooks({ register })]) {
    createLimiter({ name: 'second', store, limits, hooks: later });
    createLocks({ name: 'files', store: lockStore, ttlMs: 1000, hooks: later });
  }
  const text = await register.metrics();
  expect(text).toMatch(
    /headgate_store_operation_duration_seconds_count\{[^}]*operation="decide",outcome="ok"[^}]*\} 1\n/,
  );
  expect(text).toMatch(/headgate_lock_acquire_wait_seconds_count\{[^}]*outcome="acquired"[^}]*\} 1\n/);
});

test('lock acquires, releases, sessions and the active gauge are counted', async () => {
  const register = new Registry();
  const locks = createLocks({
    name: 'files',
    store: memoryLockStore(),
    ttlMs: 10_000,
    hooks: prometheusHooks({ register }),
  });
  const session = locks.session('worker');
  await session.acquire('a');
  await session.acquire('b');
  const free = await locks.acquire('c');
  expect((await locks.tryAcquire('a')).acquired).toBe(false);
  expect(await valueOf(register, 'headgate_lock_active', { lock: 'files' })).toBe(3);
  await free.release();
  await session.releaseAll();
  expect(await valueOf(register, 'headgate_lock_active', { lock: 'files' })).toBe(0);
  expect(await valueOf(register, 'headgate_lock_acquires_total', { outcome: 'acquired' })).toBe(3);
  expect(await valueOf(register, 'headgate_lock_acquires_total', { outcome: 'busy' })).toBe(1);
  expect(await valueOf(register, 'headgate_lock_releases_total', { outcome: 'released' })).toBe(1);
  expect(await valueOf(register, 'headgate_session_releases_total', { cause: 'explicit', outcome: 'ok' })).toBe(1);
  expect(await valueOf(register, 'headgate_session_released_locks_total', { cause: 'explicit' })).toBe(2);
  await locks.close();
});

test('no label is a key, an owner or a session, and every name follows the naming rules', () => {
  for (const { name, type, labels } of Object.values(metricDefinitions)) {
    expect(name).toMatch(/^headgate_[a-z_]+$/);
    if (type === 'counter') expect(name).toMatch(/_total$/);
    if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    for (const label of labels) expect(label).not.toMatch(/key|owner|session|lease|ip/);
  }
});

test('exemplars carry the labels of the moment in the OpenMetrics format', async () => {
  const register = new Registry();
  register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  const hooks = prometheusHooks({ register, exemplarLabels: () => ({ trace_id: 'abc123' }) });
  hooks.onLimiterWait?.({ limiter: 'api', outcome: 'allowed', waitMs: 20 });
  expect(await register.metrics()).toContain('# {trace_id="abc123"} 0.02');
});
