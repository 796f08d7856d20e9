/**
 * Exact integer arithmetic below 2^53 in doubles, in forms that Lua 5.1 can mirror digit by digit.
 * For integers below 2^53 `Math.floor(a / b)` and `Math.ceil(a / b)` are exact: a quotient just below or above an
 * integer n differs from it by at least 1/b, and 1/b > n * 2^-53 whenever n * b < 2^53.
 */

/** Greatest common divisor of two positive integers (Euclid). */
export function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/**
 * `floor(a * b / c)` without losing a digit, for integers `0 <= b <= c <= 2^51` and `0 <= a <= 2^52`.
 * Long division: `a` is read in digits of base 2^k, with k so large as `2 * c * 2^k <= 2^53` allows.
 */
export function floorMulDiv(a: number, b: number, c: number): number {
  const product = a * b;
  if (product <= Number.MAX_SAFE_INTEGER) return Math.floor(product / c);
  let base = 2;
  while (base * c * 4 <= 9007199254740992 && base < 67108864) base *= 2;
  let scale = 1;
  while (scale * base <= a) scale *= base;
  let quotient = 0;
  let remainder = 0;
  let rest = a;
  while (scale >= 1) {
    const digit = Math.floor(rest / scale);
    rest -= digit * scale;
    const partial = remainder * base + digit * b;
    const quotientDigit = Math.floor(partial / c);
    remainder = partial - quotientDigit * c;
    quotient = quotient * base + quotientDigit;
    scale /= base;
  }
  return quotient;
}

/** `ceil(a * b / c)` without losing a digit; the same bounds as {@link floorMulDiv}. */
export function ceilMulDiv(a: number, b: number, c: number): number {
  // ceil(ab/c) = a - floor(a(c-b)/c), which keeps both factors within the bounds.
  return a - floorMulDiv(a, c - b, c);
}
