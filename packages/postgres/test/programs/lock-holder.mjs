// A process of its own that serves a lock store to the conformance suite. Arguments: URL, schema.
import { serveLockStore } from '@headgate/conformance';
import { postgresLockStore } from '@headgate/postgres';

const [connection = '', schema] = process.argv.slice(2);
serveLockStore(postgresLockStore({ connection, schema, ttlClassesMs: [1_000, 10_000, 600_000] }));
