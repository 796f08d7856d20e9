import { InvalidArgumentError } from './errors.js';

function describe(value: unknown): string {
  if (typeof value === 'string') return `\`${value.length > 80 ? `${value.slice(0, 80)}…` : value}\` (string)`;
  if (
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    typeof value === 'boolean' ||
    value === null ||
    value === undefined
  ) {
    return value === null || value === undefined ? `\`${value}\`` : `\`${String(value)}\` (${typeof value})`;
  }
  if (typeof value === 'function') return 'a function';
  return Array.isArray(value) ? `an array of ${value.length}` : `a value of type ${typeof value}`;
}

/** Builds the one form of message for a refused value: what was expected, what came. */
export function invalid(name: string, expectation: string, value: unknown): InvalidArgumentError {
  return new InvalidArgumentError(`Expected \`${name}\` to be ${expectation}, got ${describe(value)}`);
}

/** Returns `value` when it is an integer in `[min, max]`; throws {@link InvalidArgumentError} otherwise. */
export function integerIn(name: string, value: unknown, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw invalid(
      name,
      max === Number.MAX_SAFE_INTEGER
        ? `an integer of at least ${min} and below 2^53`
        : `an integer from ${min} to ${max}`,
      value,
    );
  }
  return value;
}

/** Largest duration accepted anywhere, in milliseconds: about 35 years, so that every instant stays a safe integer of microseconds. */
export const maxDurationMs: number = 2 ** 40;

/** Returns `value` when it is a duration of whole milliseconds in `[min, 2^40]`. */
export function durationMs(name: string, value: unknown, min = 1): number {
  return integerIn(name, value, min, maxDurationMs);
}

/** Returns `value` when it is a plain options object. */
export function optionsObject<T extends object>(name: string, value: T): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(name, 'an options object', value);
  return value;
}

/** Returns `value` when it is one of `choices`. */
export function oneOf<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  if (!choices.includes(value as T))
    throw invalid(name, `one of ${choices.map((choice) => `'${choice}'`).join(', ')}`, value);
  return value as T;
}

/** Returns `value` when it is a function. */
export function functionOption<T>(name: string, value: T): T {
  if (typeof value !== 'function') throw invalid(name, 'a function', value);
  return value;
}
