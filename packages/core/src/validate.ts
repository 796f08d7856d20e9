import { InvalidArgumentError } from './errors.js';

function describe(value: unknown): string {
  return Object(value) === value
    ? `a value of type ${typeof value}`
    : `\`${String(value).slice(0, 80)}\` (${typeof value})`;
}

/** Builds the one form of message for a refused value: what was expected, what came. */
export function invalid(name: string, expectation: string, value: unknown): InvalidArgumentError {
  return new InvalidArgumentError(`Expected \`${name}\` to be ${expectation}, got ${describe(value)}`);
}

/** Returns `value` when it is an integer in `[min, max]`; throws {@link InvalidArgumentError} otherwise. */
export function integerIn(name: string, value: unknown, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw invalid(name, `an integer from ${min} to ${max}`, value);
  }
  return value;
}

/** Largest duration accepted anywhere, in milliseconds: about 35 years, so that every instant stays a safe integer of microseconds. */
export const maxDurationMs: number = 2 ** 40;

/** Returns `value` when it is a duration of whole milliseconds in `[min, 2^40]`. */
export function durationMs(name: string, value: unknown, min = 1): number {
  return integerIn(name, value, min, maxDurationMs);
}

/** A field, of whatever value, for each option of `T`. */
export type OptionNames<T> = { readonly [K in keyof T]-?: unknown };

/**
 * Returns `value` when it is an options object. With `known`, which has a field for each of its options, any other is refused, and `null` too: an option
 * that is misspelt, or meant to be switched off, must not silently become its default. `name` is `options` or the option that holds this object.
 */
export function optionsObject<T extends object>(name: string, value: T, known?: OptionNames<T>): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(name, 'an options object', value);
  if (known) {
    for (const option in value) {
      if (!Object.hasOwn(known, option)) throw unknownOption(name, option, known);
      if (value[option] === null) throw invalid(pathOf(name, option), 'set or left out', null);
    }
  }
  return value;
}

/** Returns the value of an option as it is to be used; throws {@link InvalidArgumentError}, which names the option, for what it may not be. */
export type Check<T> = (name: string, value: unknown) => T;

/** A check for each option of `T`, with what it makes of it. */
export type Checks<T> = { readonly [K in keyof T]: Check<T[K]> };

/** The options object `value` with each of its options as its check returns it; an option without a check is refused. */
export function checkOptions<T extends object>(name: string, value: object, checks: Checks<T>): T {
  optionsObject(name, value, checks as object);
  const checked: Partial<T> = {};
  for (const option in checks) checked[option] = checks[option](pathOf(name, option), (value as T)[option]);
  return checked as T;
}

/** The check of an option that is `otherwise` when it is left out. */
export function optional<T, D>(check: Check<T>, otherwise: D): Check<T | D> {
  return (name, value) => (value === undefined ? otherwise : check(name, value));
}

/** {@link integerIn} as a check. */
export function integer(min: number, max?: number): Check<number> {
  return (name, value) => integerIn(name, value, min, max);
}

/** {@link durationMs}, from `min` on, as a check. */
export function duration(min: number): Check<number> {
  return (name, value) => durationMs(name, value, min);
}

function pathOf(name: string, option: string): string {
  return name === 'options' ? option : `${name}.${option}`;
}

/** The nearest name is the one that has most of the option's pairs of letters, its beginning counted as one. */
function unknownOption(name: string, option: string, known: object): InvalidArgumentError {
  const likeness = (other: string): number =>
    [...option].filter((_, i) => ` ${other}`.includes(` ${option}`.slice(i, i + 2))).length;
  const [nearest] = Object.keys(known).sort((a, b) => likeness(b) - likeness(a)) as [string];
  return new InvalidArgumentError(
    `Unknown option \`${pathOf(name, option)}\`; did you mean \`${pathOf(name, nearest)}\`?`,
  );
}

/** Returns `value` when it is one of `choices`. */
export function oneOf<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  if (!choices.includes(value as T))
    throw invalid(name, `one of ${choices.map((choice) => `'${choice}'`).join(', ')}`, value);
  return value as T;
}

/** Returns `value` when it is a boolean. */
export function booleanOption(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalid(name, 'a boolean', value);
  return value;
}

/** Returns `value` when it is a function. */
export function functionOption<T>(name: string, value: T): T {
  if (typeof value !== 'function') throw invalid(name, 'a function', value);
  return value;
}
