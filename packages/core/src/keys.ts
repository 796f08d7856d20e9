import { invalid } from './validate.js';

/** Longest key in bytes of UTF-8. */
export const maxKeyBytes = 4096;

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/**
 * Returns `value` when it can name a limiter, a lock manager or a limit: 1 to 64 of `A-Z a-z 0-9 _ . -`, beginning with
 * a letter or digit. Names are metric labels and header parts, so they are configured, never taken from a request.
 */
export function checkName(option: string, value: unknown): string {
  if (typeof value !== 'string' || !namePattern.test(value)) {
    throw invalid(option, "1 to 64 characters of A-Z a-z 0-9 '_' '.' '-', beginning with a letter or digit", value);
  }
  return value;
}

/**
 * Returns `value` when it is a usable key: a non-empty, well-formed string of at most 4,096 bytes in UTF-8. Any other
 * content is fine (NUL, braces, `__proto__`); a lone surrogate is refused because UTF-8 would alias it to U+FFFD.
 */
export function checkKey(option: string, value: unknown): string {
  if (typeof value !== 'string' || value.length === 0) throw invalid(option, 'a non-empty string', value);
  // Below a third of the bound no string can exceed it; only longer ones are measured.
  if (value.length > maxKeyBytes / 3 && Buffer.byteLength(value, 'utf8') > maxKeyBytes) {
    throw invalid(option, `at most ${maxKeyBytes} bytes in UTF-8`, value);
  }
  if (!isWellFormed(value)) throw invalid(option, 'well-formed Unicode (it holds a lone surrogate)', value);
  return value;
}

// `String.prototype.isWellFormed` is in every supported Node (20+) but not yet in the ES2022 library types.
/** Whether the string holds no lone surrogate. */
export function isWellFormed(value: string): boolean {
  return (value as string & { isWellFormed(): boolean }).isWellFormed();
}

/** Joins a configured name and a user's key; unambiguous because a name holds no colon. */
export function joinKey(name: string, key: string): string {
  return `${name}:${key}`;
}
