import { afterEach, describe, expect, it, vi } from 'vitest';
import { findBinary, requireBinary } from './binaries.js';

afterEach(() => vi.unstubAllEnvs());

describe('finding a program', () => {
  it('takes the one that its variable names', () => {
    vi.stubEnv('HEADGATE_TEST_REDIS_BIN', process.execPath);
    expect(findBinary('redis-server')).toBe(process.execPath);
  });

  it('refuses a variable that names no program, rather than taking another', () => {
    vi.stubEnv('HEADGATE_TEST_REDIS_BIN', '/nowhere/redis-server');
    expect(() => findBinary('redis-server')).toThrow('HEADGATE_TEST_REDIS_BIN names /nowhere/redis-server');
  });

  it('says of a missing one which command, package and variable help', () => {
    vi.stubEnv('PATH', '/nowhere');
    expect(findBinary('redis-cli')).toBeUndefined();
    expect(() => requireBinary('redis-cli')).toThrow(
      /npm run servers:install.*redis-tools.*HEADGATE_TEST_REDIS_CLI_BIN/,
    );
  });
});
