import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';

/** Why a property failed, with what came and what was expected on the first line: a claim's own words leave those out. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof AssertionError) || !['strictEqual', 'deepStrictEqual'].includes(error.operator))
    return error.message;
  const difference = `got ${show(error.actual)}, expected ${show(error.expected)}`;
  // Node appends a drawing of the difference to what the claim says.
  const [claim = ''] = error.message.split('\n', 1);
  return error.generatedMessage ? difference : `${claim}: ${difference}`;
}

function show(value: unknown): string {
  return inspect(value, { breakLength: Infinity, compact: true, depth: 4, maxArrayLength: 40 });
}
