/**
 * Settings of every function that finds rows by key. A plan made while the table was small would be a sequential scan, and stays cached in the
 * session long after the table has grown; and nothing is gained by planning again for each key,
 * nor by compiling statements that take microseconds, which the high cost of a switched off plan would bring about.
 */
export const plannedByKey: string =
  'SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan SET jit = off';
