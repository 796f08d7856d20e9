import type { Names } from '../names.js';

/**
 * The one table of limits, and the clock. No index covers what a consume changes, but for `fresh_hour`, which is no later than the hour of `fresh_us` and
 * moves seldom (see {@link freshHourSql}), so that updates stay HOT; the fill factor leaves room for them in the page. `names` and `data` hold the record's entries:
 * `kind, limit, a, b, length of the state, state…` of each, one after another. The common record, one token bucket as of `last_us`, has its level in
 * `level` and only `0, limit, a, b` in `data`: then an update touches nothing but scalars.
 */
export function limitsTableSql(names: Names, unlogged: boolean): string {
  return /* sql */ `
CREATE ${unlogged ? 'UNLOGGED ' : ''}TABLE IF NOT EXISTS ${names.of('limits')} (
  key_hash bytea PRIMARY KEY,
  key bytea NOT NULL,
  fresh_hour integer NOT NULL,
  version smallint NOT NULL,
  last_us bigint NOT NULL,
  blocked_us bigint NOT NULL,
  fresh_us bigint NOT NULL,
  level bigint,
  names text[] NOT NULL,
  data bigint[] NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX IF NOT EXISTS ${names.local('limits_fresh_hour')} ON ${names.of('limits')} (fresh_hour);

-- The clock of every decision. A double holds microseconds of today to a fifth of one, so rounding is exact.
CREATE OR REPLACE FUNCTION ${names.of('now_us_v1')}() RETURNS bigint
LANGUAGE sql VOLATILE AS $fn$ SELECT (date_part('epoch', clock_timestamp()) * 1000000)::bigint $fn$;
`;
}

/**
 * What an update sets `fresh_hour` of row `t` to: the value it has while that is not too late and at least half as far from now as the true one, so that the
 * index is left alone, and the update HOT, even where a token takes hours to refill.
 */
export function freshHourSql(atUs: string, freshUs: string): string {
  const [now, fresh] = [`${atUs} / 3600000000`, `${freshUs} / 3600000000`];
  return `CASE WHEN t.fresh_hour BETWEEN (${now} + ${fresh} + 1) / 2 AND ${fresh} THEN t.fresh_hour ELSE ${fresh} END`;
}

/** Removes up to $1 records that equal fresh ones, skipping what others hold; the answer has a row for each. */
export function cleanUpSql(names: Names): string {
  const table = names.of('limits');
  return /* sql */ `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(
  SELECT t.ctid FROM ${table} t, (SELECT ${names.of('now_us_v1')}() AS us) clock
  WHERE t.fresh_hour <= clock.us / 3600000000 AND t.fresh_us <= clock.us AND t.version = 1
  LIMIT $1 FOR UPDATE OF t SKIP LOCKED))`;
}
