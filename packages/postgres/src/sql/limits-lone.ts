import type { Names } from '../names.js';

/**
 * A lone caller's decision: one step that consumes `$6` from one token bucket, `$7` times, of a limit whose tokens take whole microseconds each (a unit a microsecond).
 * An update that takes everything where it fits, and in the same round trip `limit_take_v1` where the update finds no row of its kind: another record, too little
 * in it, or an index entry to move. A function's entry and the statements inside cost more than everything else that the server does for a decision.
 *
 * `$1` key, `$2` and `$3` `names` and `data` of the common record, `$4` units to take, `$5` units of a full bucket less those, `$6` cost, `$7` times.
 * With a unit a microsecond, `fresh_us` is `last_us` and what was missing then: the time at which the bucket is full says its level at any other.
 * Answers `part` as the function does, or the record after the update.
 *
 * The clock is the statement's, the same wherever it stands here, also where the update waited for another and looks at the row again.
 */
export function loneTakeSql(names: Names): string {
  const now = `${names.of('statement_us_v1')}()`;
  return /* sql */ `WITH taken AS (
  UPDATE ${names.of('limits')} t
  SET last_us = ${now}, fresh_us = greatest(t.fresh_us, ${now}) + $4::bigint, level = least($5::bigint + ${now} - t.fresh_us, $5::bigint)
  WHERE t.key_hash = ${names.of('limit_hash_v1')}($1::bytea) AND t.version = 1 AND t.blocked_us = 0 AND t.names = $2::text[] AND t.data = $3::bigint[]
    AND greatest(t.last_us, t.fresh_us - $5::bigint) <= ${now} AND t.last_us + t.fresh_us < (t.fresh_hour + 1) * 7200000000
  RETURNING t.last_us, t.level)
SELECT NULL AS part, last_us, level FROM taken
UNION ALL
SELECT ${names.of('limit_take_v1')}($1::bytea, ($2::text[])[1], $3::bigint[], ARRAY[$6::bigint], ARRAY[$7::bigint]), NULL, NULL
WHERE NOT EXISTS (SELECT FROM taken)`;
}

/**
 * What the statement needs. No setting can keep a statement of its own from a sequential scan that was planned while the table was small and stays cached in the
 * session after the table has grown. Its price does: hashing is declared dear, and a sequential scan would hash for every row where the index does once. Two rows
 * of no key, which are never removed, keep the planner from estimates of no row at all, for which nothing is dear.
 */
export function limitsLoneSql(names: Names): string {
  return /* sql */ `
-- STABLE: else plans for one key would be estimated without it, and the cached plan never be preferred. PL/pgSQL: else it would be inlined.
CREATE OR REPLACE FUNCTION ${names.of('limit_hash_v1')}(p_key bytea) RETURNS bytea
LANGUAGE plpgsql STABLE COST 100000 AS $fn$ BEGIN RETURN sha256(p_key); END $fn$;

CREATE OR REPLACE FUNCTION ${names.of('statement_us_v1')}() RETURNS bigint
LANGUAGE sql STABLE AS $fn$ SELECT (date_part('epoch', statement_timestamp()) * 1000000)::bigint $fn$;

INSERT INTO ${names.of('limits')} (key_hash, key, fresh_hour, version, last_us, blocked_us, fresh_us, names, data)
  SELECT hash, '', 2147483647, 1, 0, 0, 9223372036854775807, '{}', '{}' FROM (VALUES ('\\x00'::bytea), ('\\x01')) nobody(hash)
  ON CONFLICT (key_hash) DO NOTHING;
`;
}
