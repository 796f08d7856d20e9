// A process of its own that serves a limiter store to the conformance suite. Arguments: URL, schema.
import { serveLimiterStore } from '@headgate/conformance';
import { postgresLimiterStore } from '@headgate/postgres';
import pg from 'pg';

const [url, schema] = process.argv.slice(2);
serveLimiterStore(postgresLimiterStore({ pool: new pg.Pool({ connectionString: url, max: 4 }), schema }));
