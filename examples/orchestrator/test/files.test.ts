import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { send, startService } from './service.js';

async function take(service: Awaited<ReturnType<typeof startService>>, session: string, path: string): Promise<number> {
  const { status, body } = await send(service, 'POST', `/sessions/${session}/locks`, { path });
  expect(status).toBe(201);
  return body.fencingToken;
}

const put = (service: Awaited<ReturnType<typeof startService>>, path: string, content: string, fencingToken: number) =>
  send(service, 'PUT', `/files?path=${encodeURIComponent(path)}`, { content, fencingToken });

test('the holder writes a real file', async () => {
  const service = await startService();
  const token = await take(service, 'a', 'docs/guide.md');
  expect((await put(service, 'docs/guide.md', 'hello\n', token)).status).toBe(200);
  expect(await readFile(join(service.folder, 'docs/guide.md'), 'utf8')).toBe('hello\n');
});

test('a stale token is refused and the newer content stays', async () => {
  const service = await startService();
  const old = await take(service, 'a', 'f');
  await send(service, 'DELETE', '/sessions/a');
  const current = await take(service, 'b', 'f');
  expect((await put(service, 'f', 'new', current)).status).toBe(200);
  const refused = await put(service, 'f', 'old', old);
  expect(refused.status).toBe(409);
  expect(refused.body.code).toBe('HEADGATE_FENCED');
  expect(await readFile(join(service.folder, 'f'), 'utf8')).toBe('new');
});

test('a stale token is refused as soon as a newer lease was granted, written or not', async () => {
  const service = await startService();
  const old = await take(service, 'a', 'f');
  await send(service, 'DELETE', '/sessions/a');
  await take(service, 'b', 'f');
  expect((await put(service, 'f', 'old', old)).status).toBe(409);
  expect(await readdir(service.folder)).toEqual([]);
});

test('a token that was never issued is refused and does not shut the file', async () => {
  const service = await startService();
  const token = await take(service, 'a', 'f');
  expect((await put(service, 'f', 'forged', token + 1_000_000)).status).toBe(409);
  expect((await put(service, 'g', 'forged', token)).status).toBe(409);
  expect((await put(service, 'f', 'mine', token)).status).toBe(200);
});

test('of concurrent writes, those with the newest token are the ones that land', async () => {
  const first = await startService();
  const old = await take(first, 'a', 'f');
  await send(first, 'DELETE', '/sessions/a');
  const current = await take(first, 'b', 'f');
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, i) => put(first, 'f', i % 2 ? 'new' : 'old', i % 2 ? current : old)),
  );
  expect(results.filter(({ status }) => status === 200)).toHaveLength(10);
  expect(await readFile(join(first.folder, 'f'), 'utf8')).toBe('new');
});

test.each([
  ['../outside', "holds '..'"],
  ['a/../../outside', "holds '..'"],
  ['/etc/passwd', 'is absolute'],
  ['a\0b', 'holds a NUL'],
  ['', 'is empty'],
  ['folder/', 'names a folder'],
  ['..\\outside', 'holds a backslash'],
  ['x'.repeat(2000), 'is longer than'],
])('the path %j is refused and nothing is written', async (path, why) => {
  const service = await startService();
  const refused = await put(service, path, 'x', 1);
  expect(refused.status).toBe(400);
  expect(refused.type).toContain('application/problem+json');
  expect(refused.body.detail).toContain(why);
  expect((await send(service, 'POST', '/sessions/a/locks', { path })).status).toBe(400);
  expect(await readdir(service.folder)).toEqual([]);
});

test('a path through a symbolic link is refused, whether folder or file', async () => {
  const service = await startService();
  const outside = join(tmpdir(), `orchestrator-outside-${process.pid}`);
  await mkdir(outside, { recursive: true });
  await writeFile(join(outside, 'secret'), 'untouched');
  await symlink(outside, join(service.folder, 'link'));
  await symlink(join(outside, 'secret'), join(service.folder, 'file-link'));
  for (const path of ['link/secret', 'link/sub/new', 'file-link']) {
    const token = await take(service, 'a', path);
    const refused = await put(service, path, 'changed', token);
    expect(refused.status, path).toBe(400);
    expect(refused.body.detail).toContain('symbolic link');
  }
  expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('untouched');
  expect(await readdir(outside)).toEqual(['secret']);
});

test.each([
  ['not json', 400],
  ['{"content":1,"fencingToken":1}', 400],
  ['{"content":"x","fencingToken":"1"}', 400],
  ['{"content":"x","fencingToken":1.5}', 400],
  ['{"content":"x","fencingToken":-1}', 400],
  ['{"content":"x"}', 400],
  ['{"content":"x","fencingToken":1,"more":1}', 400],
  ['[]', 400],
])('the body %s is refused with a problem document', async (body, status) => {
  const service = await startService();
  const refused = await send(service, 'PUT', '/files?path=f', body);
  expect(refused.status).toBe(status);
  expect(refused.type).toContain('application/problem+json');
  expect(await readdir(service.folder)).toEqual([]);
});
