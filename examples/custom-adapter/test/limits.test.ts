import { limiterConformance, manualClock } from '@headgate/conformance';
import { afterAll, describe, it } from 'vitest';
import { load, namesIn, placeOf, swap } from '../src/documents.js';
import { fileLimiterStore } from '../src/index.js';
import { newFolder, programOn, removeFolders, wipe } from './folders.js';

afterAll(removeFolders);

describe('on a clock that tests move', () => {
  limiterConformance({
    describe,
    it,
    medium: 'disk',
    faults: { wipe },
    createStore: () => {
      const folder = newFolder();
      const clock = manualClock();
      const open = () => fileLimiterStore(folder, clock);
      const writeForeignRecord = async (key: string) => void swap(placeOf(folder, key), undefined, '{"format":99}');
      return { store: open(), openPeer: open, clock, writeForeignRecord };
    },
  });
});

describe("by the machine's clock", () => {
  limiterConformance({
    describe,
    it,
    medium: 'disk',
    // The rest has been held to the same code above. Records are shown here alone, since they never expire by themselves.
    only: ['time', 'storm/processes', 'record/denials-and-peeks-write-nothing', 'record/reset-removes'],
    createStore: () => {
      const folder = newFolder();
      const open = () => fileLimiterStore(folder);
      const records = async () =>
        namesIn(folder).flatMap((id) => {
          const text = load(`${folder}/${id}`);
          return text ? [{ id, content: text.version, expiresAtMs: undefined }] : [];
        });
      return { store: open(), openPeer: open, records, program: programOn(folder, 'limiter-store') };
    },
  });
});
