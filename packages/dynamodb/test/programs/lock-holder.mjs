// A process of its own for the lock suite: node lock-holder.mjs <endpoint> <table> <service> <maxSkewMs>
import { serveLockStore } from '@headgate/conformance';
import { dynamoLockStore } from '@headgate/dynamodb';
import { storeOptions } from './open.mjs';

const args = process.argv.slice(2);
serveLockStore(dynamoLockStore({ ...storeOptions(args), maxSkewMs: Number(args[3]) }));
