import { sessionPlannedByKey } from './planning.js';
import type { Names } from '../names.js';

/**
 * Tables of locks. `locks` has a row per key that is never deleted by a release and keeps the highest token. `leases` and `waiters` say who holds
 * and who waits; they are UNLOGGED because no advisory lock outlives the server either. Whether a lease lives is told by `pg_locks`, not by its row.
 */
export function locksTablesSql(names: Names): string {
  return /* sql */ `
CREATE TABLE IF NOT EXISTS ${names.of('locks')} (
  key_hash bytea PRIMARY KEY,
  key bytea NOT NULL,
  lock_id bigint NOT NULL,
  token bigint NOT NULL
) WITH (fillfactor = 70);

CREATE UNLOGGED TABLE IF NOT EXISTS ${names.of('leases')} (
  lock_id bigint NOT NULL,
  lease_id text NOT NULL,
  key_hash bytea NOT NULL,
  key bytea NOT NULL,
  mode smallint NOT NULL,
  permits integer NOT NULL,
  slot integer,
  session_hash bytea,
  info text NOT NULL,
  pid integer NOT NULL,
  channel text NOT NULL,
  first_token bigint NOT NULL,
  last_token bigint NOT NULL,
  holder_token bigint NOT NULL,
  acquired_us bigint NOT NULL,
  expires_us bigint NOT NULL,
  evict text,
  PRIMARY KEY (lock_id, lease_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX IF NOT EXISTS ${names.local('leases_session')} ON ${names.of('leases')} (session_hash) WHERE session_hash IS NOT NULL;

CREATE UNLOGGED TABLE IF NOT EXISTS ${names.of('waiters')} (
  lock_id bigint NOT NULL,
  lease_id text NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  mode smallint NOT NULL,
  channel text NOT NULL,
  until_us bigint NOT NULL,
  PRIMARY KEY (lock_id, lease_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
`;
}

/** Small functions that the statements on locks share. */
export function locksHelpersSql(names: Names): string {
  return /* sql */ `
-- Advisory lock of slot i of a key with permits.
CREATE OR REPLACE FUNCTION ${names.of('lock_slot_v1')}(p_hash bytea, p_slot int) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $fn$
  SELECT ('x' || encode(substr(sha256(p_hash || int4send(p_slot)), 1, 8), 'hex'))::bit(64)::bigint
$fn$;

-- Who holds which advisory lock of this database now.
CREATE OR REPLACE FUNCTION ${names.of('lock_held_v1')}() RETURNS TABLE (lock_id bigint, pid int)
LANGUAGE sql STABLE AS $fn$
  SELECT DISTINCT (k.classid::bigint << 32) | k.objid::bigint, k.pid FROM pg_catalog.pg_locks k
  WHERE k.locktype = 'advisory' AND k.objsubid = 1 AND k.granted
    AND k.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
$fn$;

-- Tells the first in line, and all readers of an unbroken row of them.
CREATE OR REPLACE FUNCTION ${names.of('lock_wake_v1')}(p_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $fn$
DECLARE
  w record;
  told int := 0;
BEGIN
  FOR w IN SELECT t.channel, t.lease_id, t.mode FROM ${names.of('waiters')} t
    WHERE t.lock_id = p_id AND t.until_us > ${names.of('now_us_v1')}() ORDER BY t.seq
  LOOP
    EXIT WHEN told > 0 AND w.mode <> 1;
    PERFORM pg_notify(w.channel, 'w' || w.lease_id);
    told := told + 1;
    EXIT WHEN w.mode <> 1;
  END LOOP;
END $fn$;

-- Tells the first in line after place p_after, if it wants the lock alone, that it may come and stand at it.
CREATE OR REPLACE FUNCTION ${names.of('lock_call_v1')}(p_id bigint, p_after bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $fn$
DECLARE
  w record;
BEGIN
  SELECT t.channel, t.lease_id, t.mode INTO w FROM ${names.of('waiters')} t
    WHERE t.lock_id = p_id AND t.until_us > ${names.of('now_us_v1')}() AND t.seq > p_after ORDER BY t.seq LIMIT 1;
  IF w.mode = 0 THEN PERFORM pg_notify(w.channel, 'n' || w.lease_id); END IF;
END $fn$;

-- First statement on a connection that is to hold locks. Answers the backend's pid, negated and without any effect when it is not the expected one
-- (a proxy is in between), or raises HG001 when somebody else has claimed this backend (a proxy shares it).
CREATE OR REPLACE FUNCTION ${names.of('lock_open_v1')}(p_connection text, p_expected int, p_idle_ms int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $fn$
BEGIN
  IF p_expected IS NOT NULL AND pg_backend_pid() <> p_expected THEN RETURN -pg_backend_pid(); END IF;
  IF coalesce(current_setting('headgate.connection', true), '') <> '' THEN
    RAISE EXCEPTION 'another client shares this backend' USING ERRCODE = 'HG001';
  END IF;
  PERFORM set_config('headgate.connection', p_connection, false);
  PERFORM set_config('idle_session_timeout', p_idle_ms::text, false);
  PERFORM set_config('synchronous_commit', 'off', false);
  PERFORM set_config('lock_timeout', '2000', false);
  ${sessionPlannedByKey}
  -- Whatever an earlier backend of this pid left.
  DELETE FROM ${names.of('leases')} WHERE pid = pg_backend_pid();
  RETURN pg_backend_pid();
END $fn$;
`;
}
