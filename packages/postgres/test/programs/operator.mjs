// Terminates whoever holds a key, says whom, and ends by itself without closing its store. Arguments: URL, schema, key.
import { postgresLockStore } from '@headgate/postgres';

const [connection = '', schema, key = ''] = process.argv.slice(2);
const store = postgresLockStore({ connection, schema });
const { released } = await store.forceRelease(key, { terminate: true });
process.stdout.write(released.map(({ leaseId }) => leaseId).join());
