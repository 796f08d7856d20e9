/**
 * Settings of everything that finds rows by key. A plan made while the table was small would be a sequential scan, and stays cached in the
 * session long after the table has grown; and nothing is gained by planning again for each key,
 * nor by compiling statements that take microseconds, which the high cost of a switched off plan would bring about.
 */
const settings = {
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  plan_cache_mode: 'force_generic_plan',
  jit: 'off',
} as const;

/** The settings as clauses of a function that runs on anybody's connection. */
export const plannedByKey: string = Object.entries(settings)
  .map(([name, value]) => `SET ${name} = ${value}`)
  .join(' ');

/** The settings as PL/pgSQL for a session of our own, which saves each of its calls their setting and resetting. */
export const sessionPlannedByKey: string = Object.entries(settings)
  .map(([name, value]) => `PERFORM set_config('${name}', '${value}', false);`)
  .join('\n  ');
