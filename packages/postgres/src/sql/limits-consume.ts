import { freshHourSql } from './limits-table.js';
import { plannedByKey } from './planning.js';
import type { Names } from '../names.js';

/**
 * The common case of `limit_step_v1` in scalars and sets: steps of one token bucket each whose operations only consume. `p_policy` says which limit of
 * `p_names` / `p_limits` step i asks for; its runs of equal consumes are `p_costs` / `p_counts` up to index `p_ends[i]`. Keys are sorted.
 * One query reads all rows, one update and one insert write what was admitted, in the order of the keys; each writes a row only if it still is the one
 * that was read. Answers, joined by '|': `now` without a live record, `now,last,level` with one, or `r` for a step that has to be decided by
 * `limit_decide_v1`, because its record is another than the common one or somebody else wrote since. Nothing was charged for those.
 */
export function limitsConsumeSql(names: Names): string {
  const table = names.of('limits');
  return /* sql */ `
CREATE OR REPLACE FUNCTION ${names.of('limit_consume_v1')}(
  p_keys bytea[], p_policy int[], p_names text[], p_limits bigint[], p_ends int[], p_costs bigint[], p_counts bigint[]
) RETURNS text
LANGUAGE plpgsql VOLATILE ${plannedByKey} SET enable_hashjoin = off SET enable_mergejoin = off AS $fn$
DECLARE
  parts text[] := '{}';
  i int := 0;
  row record;
  policy int := -1;
  limit_name text;
  l bigint[];
  rate bigint;
  unit bigint;
  full_units bigint;
  run int := 1;
  now_us bigint;
  at_us bigint;
  level bigint;
  next_level bigint;
  units bigint;
  -- What is to be written, as parallel arrays: rows that are there, and keys that have none.
  u int := 0;
  u_step int[] := '{}';
  u_hash bytea[] := '{}';
  u_xmin xid[] := '{}';
  u_last bigint[] := '{}';
  u_fresh bigint[] := '{}';
  u_level bigint[] := '{}';
  u_policy int[] := '{}';
  n int := 0;
  n_step int[] := '{}';
  n_last bigint[] := '{}';
  n_fresh bigint[] := '{}';
  n_level bigint[] := '{}';
  n_policy int[] := '{}';
  n_key bytea[] := '{}';
  done int[];
  done_keys bytea[];
BEGIN
  FOR row IN
    SELECT k.key AS asked, k.hash, t.xmin AS version_id, t.version, t.last_us, t.blocked_us, t.fresh_us, t.level, t.names, t.data
    FROM (SELECT key, sha256(key) AS hash FROM unnest(p_keys) AS keys(key)) k LEFT JOIN ${table} t ON t.key_hash = k.hash
  LOOP
    i := i + 1;
    IF p_policy[i] <> policy THEN
      policy := p_policy[i];
      limit_name := p_names[policy];
      l := p_limits[4 * policy - 3 : 4 * policy];
      rate := l[3];
      unit := l[4];
      full_units := l[2] * unit;
    END IF;
    now_us := ${names.of('now_us_v1')}();
    at_us := now_us;
    level := full_units;
    IF row.version IS NULL OR (row.version = 1 AND row.fresh_us <= greatest(now_us, row.last_us)) THEN
      parts[i] := now_us;
    ELSIF row.version = 1 AND row.level IS NOT NULL AND row.blocked_us <= greatest(now_us, row.last_us)
      AND row.names[1] = limit_name AND row.data = l
    THEN
      at_us := greatest(now_us, row.last_us);
      level := row.level;
      parts[i] := now_us || ',' || row.last_us || ',' || level;
      IF at_us - row.last_us >= (full_units - level + rate - 1) / rate THEN
        level := full_units;
      ELSE
        level := level + (at_us - row.last_us) * rate;
      END IF;
    ELSE
      parts[i] := 'r';
      run := p_ends[i] + 1;
      CONTINUE;
    END IF;

    next_level := level;
    WHILE run <= p_ends[i] LOOP
      IF p_costs[run] <= l[2] THEN
        units := p_costs[run] * unit;
        IF next_level >= units THEN next_level := next_level - least(p_counts[run], next_level / units) * units; END IF;
      END IF;
      run := run + 1;
    END LOOP;
    IF next_level = level THEN CONTINUE; END IF;
    IF row.version IS NULL THEN
      n := n + 1;
      n_step[n] := i;
      n_key[n] := row.asked;
      n_last[n] := at_us;
      n_fresh[n] := at_us + (full_units - next_level + rate - 1) / rate;
      n_level[n] := next_level;
      n_policy[n] := policy;
    ELSE
      u := u + 1;
      u_step[u] := i;
      u_hash[u] := row.hash;
      u_xmin[u] := row.version_id;
      u_last[u] := at_us;
      u_fresh[u] := at_us + (full_units - next_level + rate - 1) / rate;
      u_level[u] := next_level;
      u_policy[u] := policy;
    END IF;
  END LOOP;

  IF u > 0 THEN
    WITH written AS (
      UPDATE ${table} t SET fresh_hour = ${freshHourSql('w.last_us', 'w.fresh_us')}, last_us = w.last_us, blocked_us = 0, fresh_us = w.fresh_us, level = w.level,
        names = CASE WHEN t.names[1] = p_names[w.policy] AND cardinality(t.names) = 1 THEN t.names ELSE ARRAY[p_names[w.policy]] END,
        data = p_limits[4 * w.policy - 3 : 4 * w.policy]
      FROM unnest(u_step, u_hash, u_xmin, u_last, u_fresh, u_level, u_policy) AS w(step, hash, version_id, last_us, fresh_us, level, policy)
      WHERE t.key_hash = w.hash AND t.xmin = w.version_id RETURNING w.step)
    SELECT array_agg(step) INTO done FROM written;
    IF cardinality(done) IS DISTINCT FROM u THEN
      FOR j IN 1 .. u LOOP
        IF done IS NULL OR u_step[j] <> ALL (done) THEN parts[u_step[j]] := 'r'; END IF;
      END LOOP;
    END IF;
  END IF;
  IF n > 0 THEN
    WITH written AS (
      INSERT INTO ${table} AS t (key_hash, key, fresh_hour, version, last_us, blocked_us, fresh_us, level, names, data)
        SELECT sha256(w.key), w.key, w.fresh_us / 3600000000, 1, w.last_us, 0, w.fresh_us, w.level,
          ARRAY[p_names[w.policy]], p_limits[4 * w.policy - 3 : 4 * w.policy]
        FROM unnest(n_key, n_last, n_fresh, n_level, n_policy) AS w(key, last_us, fresh_us, level, policy)
        ON CONFLICT (key_hash) DO NOTHING RETURNING t.key)
    SELECT array_agg(key) INTO done_keys FROM written;
    IF cardinality(done_keys) IS DISTINCT FROM n THEN
      FOR j IN 1 .. n LOOP
        IF done_keys IS NULL OR n_key[j] <> ALL (done_keys) THEN parts[n_step[j]] := 'r'; END IF;
      END LOOP;
    END IF;
  END IF;
  RETURN array_to_string(parts, '|');
END $fn$;
`;
}
