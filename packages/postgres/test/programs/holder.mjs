// Holds one lock, renews it and tells when it is lost. Arguments: URL, schema, ttl in milliseconds.
import { postgresLockStore } from '@headgate/postgres';
import { parentLink } from '@headgate/test-servers';

const [connection = '', schema, ttlMs] = process.argv.slice(2);
const { send } = parentLink();
const store = postgresLockStore({ connection, schema, ttlClassesMs: [1_000, 600_000] });
/** @type {import('@headgate/core').AcquireRequest} */
const request = {
  key: 'held by a process',
  leaseId: 'holder',
  mode: 'exclusive',
  ownerId: 'holder',
  permits: 1,
  ttlMs: Number(ttlMs),
};
store.watch?.({ wake: () => {}, lost: (_lease, reason) => send({ lost: reason }) });
const reply = await store.acquire(request);
send(reply);
if (!reply.acquired) throw new Error('the lock was held by somebody else');
const { fencingToken } = reply;
setInterval(() => {
  store.extend([{ ...request, fencingToken }]).catch(() => {}); // a loss is told by the watcher
}, 300);
