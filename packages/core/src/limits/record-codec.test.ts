import { describe, expect, it } from 'vitest';
import { RecordVersionError } from '../errors.js';
import { decideStep } from './decide.js';
import { fixedWindow, slidingLog, slidingWindow, tokenBucket } from './limit.js';
import { decodeRecord, encodeRecord } from './record-codec.js';

const limits = [
  tokenBucket({ name: 'rate', capacity: 5, refillTokens: 7, refillIntervalMs: 3000 }),
  fixedWindow({ name: 'aligned', limit: 10, windowMs: 1500, aligned: true }),
  fixedWindow({ name: 'first', limit: 10, windowMs: 1500 }),
  slidingWindow({ name: 'sliding', limit: 20, windowMs: 60_000 }),
  slidingLog({ name: 'log', limit: 20, windowMs: 60_000 }),
];

describe('record codec', () => {
  it('reads back every kind of limit, a debt and a block', () => {
    const nowUs = 1_704_067_200_000_000;
    const first = decideStep(undefined, limits, [{ kind: 'consume', cost: 2 }], nowUs).record;
    const { record } = decideStep(
      first,
      limits,
      [
        { kind: 'penalize', cost: 9 },
        { kind: 'block', forUs: 5_000_000 },
      ],
      nowUs + 700_001,
    );
    expect(record?.entries).toHaveLength(limits.length);
    expect(decodeRecord(encodeRecord(record as NonNullable<typeof record>), 'test')).toEqual(record);
  });

  it('refuses a record of another version by its number', () => {
    expect(() => decodeRecord('[2,1,0,[]]', 'test')).toThrow(RecordVersionError);
    expect(() => decodeRecord('[2,1,0,[]]', 'test')).toThrow(/format version 2/);
  });

  it.each([
    '',
    'null',
    '{}',
    '17',
    '[]',
    '["1",1,0,[]]',
    '[1]',
    '[1,1.5,0,[]]',
    '[1,-1,0,[]]',
    '[1,1,0,[3]]',
    '[1,1,0,[["a",9,[1,1,1],[1,1]]]]',
    '[1,1,0,[["a",0,[1,1,0],[1,1]]]]',
    '[1,1,0,[["a",0,[1,1,1],[1]]]]',
    '[1,1,0,[["a",3,[1,1],[1]]]]',
    '[1,1,0,[["a",1,[0,1,0],[1,1]]]]',
    '[1,1,0,[["a",1,[1,1,0],[1,"1"]]]]',
  ])('refuses %s, which is no record', (text) => {
    expect(() => decodeRecord(text, 'test')).toThrow(RecordVersionError);
  });
});
