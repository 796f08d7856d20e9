import { describe, it } from 'vitest';
import { limiterConformance } from '../../src/index.js';
import { ReferenceServer } from '../reference-server.js';

describe('the reference store behind a server', () => {
  const server = new ReferenceServer();
  limiterConformance({
    describe,
    it,
    createStore: () => server.fixture(),
    faults: server.faults,
    only: ['faults', 'budget', 'time/skewed-client'],
  });
});
