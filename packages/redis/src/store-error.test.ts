import { RecordVersionError, StoreFullError } from '@headgate/core';
import { expect, it } from 'vitest';
import { toStepError, toStoreError } from './store-error.js';

// As Redis 6.2.16 says it inside a script, to `redis.pcall`, to Lua's `pcall` and to the caller of a script that did not look.
const ways = {
  'redis.pcall': (refusal: string) => `@user_script: 12: -${refusal}\r\n`,
  pcall: (refusal: string) => `=[C]: -1: -${refusal}\r\n`,
  'nobody who looked': (refusal: string) =>
    `ERR Error running script (call to f_0a9f75e991483d02789696e4c90d26c10395863e): @user_script:12: @user_script: 12: -${refusal}`,
} as const;

it.each(Object.entries(ways))(
  'what Redis 6.2 refuses inside a script has the kind it has elsewhere (%s)',
  (_, said) => {
    const kindOf = (refusal: string): string => toStoreError('redis', new Error(said(refusal))).kind;
    expect(toStepError('redis', said("OOM command not allowed when used memory > 'maxmemory'."), 'k')).toBeInstanceOf(
      StoreFullError,
    );
    expect(kindOf('NOREPLICAS Not enough good replicas to write.')).toBe('connection');
    expect(kindOf("READONLY You can't write against a read only replica.")).toBe('connection');
    expect(kindOf("The user executing the script can't run this command or subcommand")).toBe('auth');
  },
);

it('a fault of a script stays one', () => {
  const fault =
    "ERR Error running script (call to f_0a9f75): @user_script:12: user_script:12: attempt to index local 'limit' (a nil value)";
  expect(toStoreError('redis', new Error(fault)).kind).toBe('script');
});

it('a value of another type is a record error where a script did not look, too', () => {
  const typed =
    'ERR Error running script (call to f_80d15f): @user_script:1: WRONGTYPE Operation against a key holding the wrong kind of value';
  expect(toStoreError('redis', new Error(typed))).toBeInstanceOf(RecordVersionError);
});
