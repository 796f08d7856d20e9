import { lockConformance } from '@headgate/conformance';
import { createManualClock } from '@headgate/core';
import { afterAll, describe, it } from 'vitest';
import { fileLockStore } from '../src/index.js';
import { newFolder, programOn, removeFolders, wipe } from './folders.js';

afterAll(removeFolders);

lockConformance({
  describe,
  it,
  medium: 'disk',
  faults: { wipe },
  createStore: ({ time }) => {
    const folder = newFolder();
    const clock = time === 'moved' ? createManualClock() : undefined;
    const open = () => fileLockStore(folder, clock);
    return { store: open(), openPeer: open, ...(clock && { clock }), program: programOn(folder, 'lock-store') };
  },
});
