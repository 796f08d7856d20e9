import { broken } from './broken-store.js';
import type { BrokenStore } from './broken-store.js';

const named = (fault: string, caughtBy: string, recordKey: (key: string) => string): BrokenStore => ({
  fault,
  caughtBy: `keys/${caughtBy}`,
  make: () => broken({ recordKey }),
});

/** Faults in how a key becomes the name of a record. */
export const keyFaults: readonly BrokenStore[] = [
  named('keys alias by case', 'case', (key) => key.toLowerCase()),
  named('keys alias by Unicode normalisation', 'normalisation', (key) => key.normalize('NFC')),
  named('keys alias by compatibility normalisation', 'normalisation', (key) => key.normalize('NFKC')),
  named('keys alias by what stands before a colon', 'prefix', (key) => key.split(':', 1)[0] ?? key),
  named('keys alias by separators taken out', 'prefix', (key) => key.replaceAll(/[:/|.]/g, '-')),
  named('keys are trimmed', 'blanks', (key) => key.trim()),
  named('keys end at a NUL', 'blanks', (key) => key.split('\0', 1)[0] ?? key),
  named('keys alias by their hash tag', 'syntax', (key) => key.replaceAll(/\{.*?\}/g, '{}')),
  named('keys are decoded as URLs', 'syntax', (key) => {
    try {
      return decodeURIComponent(key);
    } catch {
      return key; // Most keys are no URL, and name themselves.
    }
  }),
  named('keys are cut to 255 characters', 'long', (key) => key.slice(0, 255)),
  named('keys are cut to 4 kB less one', 'long', (key) => key.slice(0, 4095)),
  named('keys that look like numbers are numbers', 'object-names', (key) =>
    Number.isNaN(Number(key)) ? key : String(Number(key)),
  ),
  {
    fault: 'records are kept in a plain object',
    caughtBy: 'keys/object-names',
    make: () => {
      const inherited = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
      return broken({ recordKey: (key) => (inherited.includes(key) ? 'inherited' : key) });
    },
  },
];
