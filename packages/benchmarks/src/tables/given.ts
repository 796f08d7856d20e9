import { userKeys } from '../loops.js';

/** The keys that limiters over a server are asked about. */
export const keys: readonly string[] = userKeys(10_000);

/** A key for the `n`th call: all of them, in an order without a pattern. */
export const keyOf = (n: number): string => keys[(n * 7919) % keys.length] as string;

/** More than anybody asks of one key in a run; a larger bucket of one token an hour would take too long to fill. */
export const plenty = 500_000;

/** The address that a table's `setup` returned. */
export const url = (env: Readonly<Record<string, string>>): string => env['url'] as string;
