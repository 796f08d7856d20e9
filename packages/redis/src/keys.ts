import { InvalidArgumentError } from '@headgate/core';

/** Number of hash-tag buckets when the option is left out: several for each master of a small cluster, and few enough that calls gather in them. */
export const defaultBuckets = 16;

/** How the keys of a store are named: `<prefix>:{<bucket>}:<kind>:<key>`. */
export interface KeySpace {
  /** Beginning of every key of `bucket`. */
  readonly base: (bucket: number) => string;
  readonly buckets: number;
  readonly bucketOf: (key: string) => number;
}

/**
 * The key space of `prefix`. Every key lies under one of `buckets` hash tags, chosen by the FNV-1a hash of the key's UTF-16 code units, so a
 * cluster can decide many keys in one script; it is the same on a standalone server, so data can move to a cluster as it is.
 */
export function keySpace(prefix: unknown = 'headgate', buckets: unknown = defaultBuckets): KeySpace {
  if (typeof prefix !== 'string' || prefix.length === 0 || prefix.length > 200 || /[{}\s]/.test(prefix)) {
    throw new InvalidArgumentError(
      `Expected \`prefix\` to be 1 to 200 characters without braces or white space, got ${JSON.stringify(prefix)}`,
    );
  }
  if (typeof buckets !== 'number' || !Number.isInteger(buckets) || buckets < 1 || buckets > 4096) {
    throw new InvalidArgumentError(`Expected \`buckets\` to be an integer from 1 to 4096, got ${String(buckets)}`);
  }
  const bases = Array.from({ length: buckets }, (_, bucket) => `${prefix}:{${bucket}}:`);
  return {
    buckets,
    base: (bucket) => bases[bucket] as string,
    bucketOf: (key) => fnv1a(key) % buckets,
  };
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
