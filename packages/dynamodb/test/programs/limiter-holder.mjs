// A process of its own for the limiter suite: node limiter-holder.mjs <endpoint> <table> <service>
import { serveLimiterStore } from '@headgate/conformance';
import { dynamoLimiterStore } from '@headgate/dynamodb';
import { storeOptions } from './open.mjs';

serveLimiterStore(dynamoLimiterStore(storeOptions(process.argv.slice(2))));
