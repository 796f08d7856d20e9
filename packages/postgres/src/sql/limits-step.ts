import { freshHourSql } from './limits-table.js';
import { plannedByKey } from './planning.js';
import type { Names } from '../names.js';

/**
 * Port of core's `decideStep` (`limits/decide.ts`) as far as it changes the record: one key, any limits, any operations. It decides from a plain
 * read, writes only if the row is still the one it read, and otherwise decides again on the locked row; a step that changes nothing writes nothing.
 * It returns the record *before* the step with the clock, from which the client computes the answers by `decideStep` itself:
 * `now` when there is no live record, else `now;last;blocked;names;data`, or `v<version>` of a record it does not know.
 * `p_limits` holds four numbers a limit (see `limits-arithmetic.ts`), `p_ops` four an operation: code, cost (or the block's microseconds), charged at, times.
 */
export function limitsStepSql(names: Names): string {
  const table = names.of('limits');
  const entry = names.of('limit_entry');
  const fn = (name: string): string => names.of(`limit_${name}_v1`);
  return /* sql */ `
DO $do$ BEGIN
  CREATE TYPE ${entry} AS (name text, l bigint[], s bigint[]);
EXCEPTION WHEN duplicate_object THEN NULL;
END $do$;

CREATE OR REPLACE FUNCTION ${names.of('limit_step_v1')}(p_key bytea, p_names text[], p_limits bigint[], p_ops bigint[]) RETURNS text
LANGUAGE plpgsql VOLATILE AS $fn$
DECLARE
  hash bytea := sha256(p_key);
  count_limits int := cardinality(p_names);
  locked boolean := false;
  r record;
  was_found boolean;
  before text;
  now_us bigint;
  at_us bigint;
  blocked bigint;
  stored ${entry}[];
  work ${entry}[];
  kept ${entry}[];
  e ${entry};
  place int;
  matched int;
  fresh_by bigint;
  changed boolean;
  times bigint;
  room bigint;
  taken bigint;
  next_state bigint[];
  differs boolean;
  new_names text[];
  new_data bigint[];
  new_fresh_us bigint;
  new_level bigint;
BEGIN
  LOOP
    IF locked THEN
      SELECT t.xmin AS version_id, t.version, t.last_us, t.blocked_us, t.fresh_us, t.level, t.names, t.data INTO r
        FROM ${table} t WHERE t.key_hash = hash FOR UPDATE;
    ELSE
      SELECT t.xmin AS version_id, t.version, t.last_us, t.blocked_us, t.fresh_us, t.level, t.names, t.data INTO r
        FROM ${table} t WHERE t.key_hash = hash;
    END IF;
    was_found := FOUND;
    now_us := ${names.of('now_us_v1')}();
    at_us := now_us;
    blocked := 0;
    stored := '{}';
    before := now_us::text;
    IF was_found THEN
      IF r.version <> 1 THEN RETURN 'v' || r.version; END IF;
      IF r.fresh_us > greatest(now_us, r.last_us) THEN
        at_us := greatest(now_us, r.last_us);
        IF r.blocked_us > at_us THEN blocked := r.blocked_us; END IF;
        IF r.level IS NOT NULL THEN r.data := r.data || ARRAY[2, r.level, r.last_us]; END IF;
        before := now_us || ';' || r.last_us || ';' || r.blocked_us || ';' || array_to_string(r.names, ',') || ';' || array_to_string(r.data, ',');
        place := 1;
        FOR i IN 1 .. cardinality(r.names) LOOP
          stored := stored || ROW(r.names[i], r.data[place : place + 3], r.data[place + 5 : place + 4 + r.data[place + 4]])::${entry};
          place := place + 5 + r.data[place + 4];
        END LOOP;
      END IF;
    END IF;

    -- openState: each asked limit at the step's instant, converted where its parameters changed.
    work := '{}';
    FOR i IN 1 .. count_limits LOOP
      e.name := p_names[i];
      e.l := p_limits[4 * i - 3 : 4 * i];
      matched := 0;
      FOR j IN 1 .. cardinality(stored) LOOP
        IF stored[j].name = e.name THEN matched := j; END IF;
      END LOOP;
      IF matched = 0 THEN
        e.s := ${fn('fresh')}(e.l, at_us);
      ELSIF stored[matched].l = e.l THEN
        e.s := ${fn('advance')}(e.l, stored[matched].s, at_us);
      ELSE
        next_state := ${fn('advance')}(stored[matched].l, stored[matched].s, r.last_us);
        fresh_by := ${fn('fresh_at')}(stored[matched].l, next_state, r.last_us);
        IF fresh_by <= at_us THEN
          e.s := ${fn('fresh')}(e.l, at_us);
        ELSE
          e.s := ${fn('advance')}(e.l, ${fn('convert')}(stored[matched].l, e.l, next_state, r.last_us), at_us);
        END IF;
      END IF;
      work := work || e;
    END LOOP;
    kept := '{}';
    FOR j IN 1 .. cardinality(stored) LOOP
      e := stored[j];
      IF NOT e.name = ANY(p_names) AND ${fn('fresh_at')}(e.l, ${fn('advance')}(e.l, e.s, r.last_us), r.last_us) > at_us THEN
        kept := kept || e;
      END IF;
    END LOOP;

    changed := false;
    FOR j IN 0 .. cardinality(p_ops) / 4 - 1 LOOP
      CASE p_ops[4 * j + 1]
        WHEN 0, 1 THEN -- consume, consumeUpTo
          times := p_ops[4 * j + 4];
          -- A refusal changes nothing, so the equal operations behind it are refused as well.
          WHILE times > 0 AND p_ops[4 * j + 2] > 0 AND blocked <= at_us LOOP
            times := times - 1;
            room := 9223372036854775807;
            FOR i IN 1 .. count_limits LOOP
              room := least(room, (work[i]).l[2] - ${fn('used')}((work[i]).l, (work[i]).s, at_us));
            END LOOP;
            taken := p_ops[4 * j + 2];
            IF p_ops[4 * j + 1] = 1 THEN taken := least(taken, greatest(1, room)); END IF;
            EXIT WHEN taken > room;
            FOR i IN 1 .. count_limits LOOP
              work[i].s := ${fn('charge')}((work[i]).l, (work[i]).s, taken, at_us);
            END LOOP;
            changed := true;
          END LOOP;
        WHEN 3 THEN -- refund
          differs := false;
          FOR i IN 1 .. count_limits LOOP
            next_state := ${fn('refund')}((work[i]).l, (work[i]).s, p_ops[4 * j + 2], p_ops[4 * j + 3]);
            IF next_state <> (work[i]).s THEN
              work[i].s := next_state;
              differs := true;
            END IF;
          END LOOP;
          changed := changed OR differs;
        WHEN 4 THEN -- penalize
          IF p_ops[4 * j + 2] > 0 THEN
            FOR i IN 1 .. count_limits LOOP
              work[i].s := ${fn('charge')}((work[i]).l, (work[i]).s, p_ops[4 * j + 2], at_us);
            END LOOP;
            changed := true;
          END IF;
        WHEN 5 THEN -- block
          IF p_ops[4 * j + 2] > 0 AND at_us + p_ops[4 * j + 2] > blocked THEN
            blocked := at_us + p_ops[4 * j + 2];
            changed := true;
          END IF;
        WHEN 6 THEN -- reset
          FOR i IN 1 .. count_limits LOOP
            work[i].s := ${fn('fresh')}((work[i]).l, at_us);
          END LOOP;
          kept := '{}';
          blocked := 0;
          changed := true;
        ELSE -- peek
          NULL;
      END CASE;
    END LOOP;
    IF NOT changed THEN RETURN before; END IF;

    new_names := '{}';
    new_data := '{}';
    new_fresh_us := greatest(at_us, blocked);
    FOR i IN 1 .. count_limits LOOP
      e := work[i];
      IF NOT ${fn('is_fresh')}(e.l, e.s) THEN
        new_names := new_names || e.name;
        new_data := new_data || e.l || cardinality(e.s)::bigint || e.s;
        new_fresh_us := greatest(new_fresh_us, ${fn('fresh_at')}(e.l, e.s, at_us));
      END IF;
    END LOOP;
    FOR i IN 1 .. cardinality(kept) LOOP
      e := kept[i];
      new_names := new_names || e.name;
      new_data := new_data || e.l || cardinality(e.s)::bigint || e.s;
      new_fresh_us := greatest(new_fresh_us, ${fn('fresh_at')}(e.l, ${fn('advance')}(e.l, e.s, at_us), at_us));
    END LOOP;

    new_level := NULL;
    IF cardinality(new_data) = 7 AND new_data[1] = 0 AND new_data[7] = at_us THEN
      new_level := new_data[6];
      new_data := new_data[1:4];
    END IF;

    IF cardinality(new_names) = 0 AND blocked = 0 THEN
      IF NOT was_found THEN RETURN before; END IF;
      DELETE FROM ${table} t WHERE t.key_hash = hash AND t.xmin = r.version_id;
    ELSIF was_found THEN
      UPDATE ${table} t SET fresh_hour = ${freshHourSql('at_us', 'new_fresh_us')}, last_us = at_us, blocked_us = blocked,
          fresh_us = new_fresh_us, level = new_level, names = new_names, data = new_data
        WHERE t.key_hash = hash AND t.xmin = r.version_id;
    ELSE
      INSERT INTO ${table} AS t (key_hash, key, fresh_hour, version, last_us, blocked_us, fresh_us, level, names, data)
        VALUES (hash, p_key, new_fresh_us / 3600000000, 1, at_us, blocked, new_fresh_us, new_level, new_names, new_data)
        ON CONFLICT (key_hash) DO NOTHING;
    END IF;
    IF FOUND THEN RETURN before; END IF;
    -- Somebody else wrote since: lock what is there now and decide again.
    locked := true;
  END LOOP;
END $fn$;

-- A batch of any steps: {"p": [[names, limits], …], "s": [[key in hex, policy index, ops], …]}, sorted by key; answers joined by '|'.
CREATE OR REPLACE FUNCTION ${names.of('limit_decide_v1')}(p jsonb) RETURNS text
LANGUAGE plpgsql VOLATILE ${plannedByKey} AS $fn$
DECLARE
  step jsonb;
  policy jsonb;
  parts text[] := '{}';
BEGIN
  FOR step IN SELECT value FROM jsonb_array_elements(p->'s') LOOP
    policy := p->'p'->((step->>1)::int);
    parts := parts || ${names.of('limit_step_v1')}(
      decode(step->>0, 'hex'),
      ARRAY(SELECT jsonb_array_elements_text(policy->0)),
      ARRAY(SELECT jsonb_array_elements_text(policy->1)::bigint),
      ARRAY(SELECT jsonb_array_elements_text(step->2)::bigint));
  END LOOP;
  RETURN array_to_string(parts, '|');
END $fn$;
`;
}
