import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const document = read('../../../docs/writing-an-adapter.md');

it.each(['documents', 'limiter-store', 'lock-store'])(
  'the document that tells this example shows %s.ts as it is',
  (name) => {
    const code = read(`../src/${name}.ts`).replace(
      "'./documents.js'",
      "'@headgate/example-custom-adapter/documents.js'",
    );
    expect(document).toContain(code);
  },
);
