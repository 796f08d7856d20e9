import type { Names } from '../names.js';

const holder = (row: string): string =>
  `jsonb_build_array(${row}.lease_id, ${row}.info, ${row}.holder_token, ${row}.acquired_us, ${row}.expires_us)`;

/** Statements of the connection that listens: what operators ask, and what concerns other processes' leases. */
export function locksOperatorSql(names: Names): string {
  const locks = names.of('locks');
  const leases = names.of('leases');
  const now = `${names.of('now_us_v1')}()`;
  const held = `${names.of('lock_held_v1')}()`;
  return /* sql */ `
-- Asks the processes that hold leases to give them back: those of key p_hash (only lease p_lease, unless null), or those of session p_session whose key
-- begins with p_prefix. Answers [key, channel, lock id, holder] of each that lives; those on p_channel are the caller's own to release.
CREATE OR REPLACE FUNCTION ${names.of('lock_evict_v1')}(
  p_channel text, p_reason text, p_id bigint, p_hash bytea, p_lease text, p_session bytea, p_prefix bytea
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $fn$
DECLARE
  l record;
  found_leases jsonb[] := '{}';
BEGIN
  FOR l IN SELECT t.* FROM ${leases} t JOIN ${held} h ON h.lock_id = t.lock_id AND h.pid = t.pid
    WHERE t.expires_us > ${now} AND (p_lease IS NULL OR t.lease_id = p_lease) AND CASE
      WHEN p_hash IS NOT NULL THEN t.lock_id = p_id AND t.key_hash = p_hash
      ELSE t.session_hash = p_session AND substr(t.key, 1, length(p_prefix)) = p_prefix END
    -- In the order in which batches lock their rows.
    ORDER BY t.lock_id::text COLLATE "C", t.lease_id
  LOOP
    found_leases := found_leases || jsonb_build_array(encode(l.key, 'hex'), l.channel, l.lock_id::text, ${holder('l')});
    IF l.channel <> p_channel THEN
      UPDATE ${leases} t SET evict = coalesce(t.evict, p_reason) WHERE t.lock_id = l.lock_id AND t.lease_id = l.lease_id AND t.pid = l.pid;
      -- With its token: by the time this is heard, the same id may hold anew.
      PERFORM pg_notify(l.channel, left(p_reason, 1) || l.first_token || ' ' || l.lease_id);
    END IF;
  END LOOP;
  RETURN to_jsonb(found_leases);
END $fn$;

-- A token above all that were issued for the key.
CREATE OR REPLACE FUNCTION ${names.of('lock_bump_v1')}(p_id bigint, p_hash bytea, p_key bytea) RETURNS bigint
LANGUAGE sql VOLATILE AS $fn$
  INSERT INTO ${locks} AS k (key_hash, key, lock_id, token) VALUES (p_hash, p_key, p_id, ${now})
    ON CONFLICT (key_hash) DO UPDATE SET token = greatest(k.token + 1, ${now}) RETURNING token
$fn$;

-- Ends the backends that still hold the named leases of lock p_id. Answers [[lease, …], [[key, lease], …]]: evicted, and lost along with them.
CREATE OR REPLACE FUNCTION ${names.of('lock_terminate_v1')}(p_id bigint, p_leases text[]) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $fn$
DECLARE
  pids int[] := ARRAY(SELECT DISTINCT t.pid FROM ${leases} t JOIN ${held} h ON h.lock_id = t.lock_id AND h.pid = t.pid
    WHERE t.lock_id = p_id AND t.lease_id = ANY(p_leases));
  evicted jsonb;
  collateral jsonb;
  each_pid int;
  each_id bigint;
  ids bigint[];
BEGIN
  SELECT coalesce(jsonb_agg(t.lease_id) FILTER (WHERE t.lock_id = p_id AND t.lease_id = ANY(p_leases)), '[]'),
      coalesce(jsonb_agg(jsonb_build_array(encode(t.key, 'hex'), t.lease_id)) FILTER (WHERE NOT (t.lock_id = p_id AND t.lease_id = ANY(p_leases))), '[]'),
      array_agg(DISTINCT t.lock_id)
    INTO evicted, collateral, ids
    FROM ${leases} t JOIN ${held} h ON h.lock_id = t.lock_id AND h.pid = t.pid WHERE t.pid = ANY(pids);
  FOREACH each_pid IN ARRAY pids LOOP
    PERFORM pg_terminate_backend(each_pid, 5000);
    DELETE FROM ${leases} t WHERE t.pid = each_pid;
  END LOOP;
  FOREACH each_id IN ARRAY coalesce(ids, '{}') LOOP
    PERFORM ${names.of('lock_wake_v1')}(each_id);
  END LOOP;
  RETURN jsonb_build_array(evicted, collateral);
END $fn$;

-- Held keys as [key in hex, mode, permits, token, waiting, holders], in order of their hash after p_after: those that begin with p_prefix, or just p_hash.
CREATE OR REPLACE FUNCTION ${names.of('lock_list_v1')}(p_hash bytea, p_id bigint, p_prefix bytea, p_session bytea, p_after bytea, p_limit int)
RETURNS TABLE (key_hash bytea, state jsonb)
LANGUAGE plpgsql STABLE AS $fn$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT l.key_hash, jsonb_build_array(encode((array_agg(l.key))[1], 'hex'), min(l.mode), max(l.permits),
      (SELECT k.token FROM ${locks} k WHERE k.key_hash = l.key_hash),
      (SELECT count(*) FROM ${names.of('waiters')} w WHERE w.lock_id = min(l.lock_id) AND w.until_us > ${now}),
      jsonb_agg(${holder('l')} ORDER BY l.first_token))
    FROM ${leases} l JOIN ${held} h ON h.lock_id = l.lock_id AND h.pid = l.pid
    WHERE l.expires_us > ${now} AND (p_after IS NULL OR l.key_hash > p_after)
      AND CASE WHEN p_hash IS NOT NULL THEN l.lock_id = p_id AND l.key_hash = p_hash
        ELSE substr(l.key, 1, length(p_prefix)) = p_prefix END
    GROUP BY l.key_hash
    HAVING p_session IS NULL OR bool_or(l.session_hash = p_session)
    ORDER BY l.key_hash LIMIT p_limit;
END $fn$;
`;
}
