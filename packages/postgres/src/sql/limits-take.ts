import { freshHourSql } from './limits-table.js';
import { plannedByKey } from './planning.js';
import type { Names } from '../names.js';

/**
 * The common case of `limit_step_v1` in scalars: one key, one token bucket `limit_name` / `l`, operations that only consume: `p_counts[j]` times `p_costs[j]`, for
 * each j. Answers as `limit_step_v1` does, with the short form `now,last,level` for a live record of just that bucket.
 */
export function limitsTakeSql(names: Names): string {
  const table = names.of('limits');
  return /* sql */ `
CREATE OR REPLACE FUNCTION ${names.of('limit_take_v1')}(
  k bytea, limit_name text, l bigint[], p_costs bigint[], p_counts bigint[]
) RETURNS text
LANGUAGE plpgsql VOLATILE ${plannedByKey} AS $fn$
DECLARE
  hash bytea := sha256(k);
  rate bigint := l[3];
  unit bigint := l[4];
  full_units bigint := l[2] * l[4];
  row_xmin xid;
  row_version smallint;
  row_last_us bigint;
  row_blocked_us bigint;
  row_fresh_us bigint;
  row_level bigint;
  row_names text[];
  row_data bigint[];
  was_found boolean;
  same boolean;
  now_us bigint;
  at_us bigint;
  level bigint;
  next_level bigint;
  units bigint;
  new_fresh_us bigint;
  part text;
  ops bigint[];
BEGIN
  SELECT t.xmin, t.version, t.last_us, t.blocked_us, t.fresh_us, t.level, t.names, t.data
    INTO row_xmin, row_version, row_last_us, row_blocked_us, row_fresh_us, row_level, row_names, row_data
    FROM ${table} t WHERE t.key_hash = hash;
  was_found := FOUND;
  now_us := ${names.of('now_us_v1')}();
  at_us := now_us;
  level := full_units;
  part := now_us::text;
  same := was_found AND row_level IS NOT NULL AND row_data = l AND row_names[1] = limit_name;
  IF was_found AND (row_version <> 1 OR row_fresh_us > greatest(now_us, row_last_us)) THEN
    IF row_version = 1 AND same AND row_blocked_us <= greatest(now_us, row_last_us) THEN
      at_us := greatest(now_us, row_last_us);
      level := row_level;
      part := now_us || ',' || row_last_us || ',' || level;
      IF at_us - row_last_us >= (full_units - level + rate - 1) / rate THEN
        level := full_units;
      ELSE
        level := level + (at_us - row_last_us) * rate;
      END IF;
    ELSE
      level := NULL;
    END IF;
  END IF;

  IF level IS NOT NULL THEN
    next_level := level;
    FOR j IN 1 .. cardinality(p_costs) LOOP
      IF p_costs[j] <= l[2] THEN
        units := p_costs[j] * unit;
        IF next_level >= units THEN
          next_level := next_level - least(p_counts[j], next_level / units) * units;
        END IF;
      END IF;
    END LOOP;
    IF next_level <> level THEN
      new_fresh_us := at_us + (full_units - next_level + rate - 1) / rate;
      IF same THEN
        UPDATE ${table} t SET fresh_hour = ${freshHourSql('at_us', 'new_fresh_us')}, last_us = at_us, blocked_us = 0, fresh_us = new_fresh_us, level = next_level
          WHERE t.key_hash = hash AND t.xmin = row_xmin;
      ELSIF was_found THEN
        UPDATE ${table} t SET fresh_hour = ${freshHourSql('at_us', 'new_fresh_us')}, last_us = at_us, blocked_us = 0, fresh_us = new_fresh_us, level = next_level,
            names = ARRAY[limit_name], data = l
          WHERE t.key_hash = hash AND t.xmin = row_xmin;
      ELSE
        INSERT INTO ${table} AS t (key_hash, key, fresh_hour, version, last_us, blocked_us, fresh_us, level, names, data)
          VALUES (hash, k, new_fresh_us / 3600000000, 1, at_us, 0, new_fresh_us, next_level, ARRAY[limit_name], l)
          ON CONFLICT (key_hash) DO NOTHING;
      END IF;
      IF NOT FOUND THEN level := NULL; END IF;
    END IF;
  END IF;
  IF level IS NULL THEN
    -- Another record than the common one, or somebody else wrote since.
    ops := '{}';
    FOR j IN 1 .. cardinality(p_costs) LOOP ops := ops || ARRAY[0, p_costs[j], 0, p_counts[j]]; END LOOP;
    part := ${names.of('limit_step_v1')}(k, ARRAY[limit_name], l, ops);
  END IF;
  RETURN part;
END $fn$;
`;
}
