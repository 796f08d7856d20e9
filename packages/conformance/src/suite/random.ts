import { randomBytes, randomInt } from 'node:crypto';

/** The seed of this run: the one given, else HEADGATE_CONFORMANCE_SEED, else a random one. A 31-bit integer. */
export function chooseSeed(given: number | undefined): number {
  const named = process.env['HEADGATE_CONFORMANCE_SEED'];
  const seed = given ?? (named === undefined ? randomInt(2 ** 31) : Number(named));
  if (!Number.isSafeInteger(seed)) throw new TypeError(`Expected the seed to be an integer, got ${given ?? named}`);
  return seed;
}

/** A key nobody else uses: runs share servers, and nothing is ever flushed. */
export function randomKey(hint = 'k'): string {
  return `${hint}-${randomBytes(9).toString('base64url')}`;
}
