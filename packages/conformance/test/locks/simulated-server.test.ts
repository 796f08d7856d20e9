import { describe, it } from 'vitest';
import { lockConformance } from '../../src/locks/suite.js';
import { SimulatedServer } from './simulated-server.js';

// One server for all properties, as in a store's own fault run; its memory is what they share.
const server = new SimulatedServer();
lockConformance({
  describe,
  it,
  version: 'the suite’s own simulated server',
  only: ['fence', 'faults', 'budgets'],
  faults: server.faults,
  createStore: () => ({ store: server.connect(), openPeer: () => server.connect() }),
});
