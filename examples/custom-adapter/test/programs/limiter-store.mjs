import { serveLimiterStore } from '@headgate/conformance';
import { fileLimiterStore } from '../../dist/index.js';

const [, , folder = 'no folder was given'] = process.argv;
serveLimiterStore(fileLimiterStore(folder));
