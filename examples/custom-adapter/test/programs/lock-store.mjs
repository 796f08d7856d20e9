import { serveLockStore } from '@headgate/conformance';
import { fileLockStore } from '../../dist/index.js';

const [, , folder = 'no folder was given'] = process.argv;
serveLockStore(fileLockStore(folder));
