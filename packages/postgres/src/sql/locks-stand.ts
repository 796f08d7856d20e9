import type { Names } from '../names.js';

/** How long a session stands at a lock at most, which pins a snapshot and keeps it from anything else, milliseconds. */
export const standMs = 100;

/**
 * Waiting at the advisory lock itself: the server gives it to the next in line in the moment in which it is given back, and nobody has to be told. For a
 * session that holds nothing. `p` is a batch of one exclusive acquire (see `locks-batch.ts`) whose waiter is in the queue; it is answered as ever, once the lock is
 * free or `standMs` have passed. Nothing is written before, so nobody waits for a session that stands.
 */
export function locksStandSql(names: Names): string {
  return /* sql */ `
-- Whether the lock was free within the time.
CREATE OR REPLACE FUNCTION ${names.of('lock_await_v1')}(p_id bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET lock_timeout = ${standMs} AS $fn$
BEGIN
  PERFORM pg_advisory_lock(p_id);
  RETURN true;
EXCEPTION WHEN lock_not_available THEN
  -- It may have been given in the very moment.
  PERFORM pg_advisory_unlock_all();
  RETURN false;
END $fn$;

CREATE OR REPLACE FUNCTION ${names.of('lock_stand_v1')}(p jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $fn$
DECLARE
  id bigint := (p->'o'->0->>1)::bigint;
  replies jsonb;
BEGIN
  -- Before anything is unlocked: another backend's locks are not ours.
  IF current_setting('headgate.connection', true) IS DISTINCT FROM p->>'c' THEN
    RAISE EXCEPTION 'this backend is not the one that the connection was opened on' USING ERRCODE = 'HG001';
  END IF;
  BEGIN
    IF NOT ${names.of('lock_await_v1')}(id) THEN RETURN ${names.of('lock_batch_v1')}(p); END IF;
    -- Takes it once more if the waiter is to have it.
    replies := ${names.of('lock_batch_v1')}(p);
    IF replies->0->>0 = '1' THEN
      PERFORM pg_advisory_unlock(id);
      RETURN replies;
    END IF;
    -- Who gave it back left the row to us and told nobody.
    DELETE FROM ${names.of('leases')} l WHERE l.lock_id = id;
    PERFORM pg_advisory_unlock(id);
    PERFORM ${names.of('lock_wake_v1')}(id);
    RETURN replies;
  EXCEPTION WHEN query_canceled OR assert_failure OR others THEN
    -- Advisory locks of a session outlive a rolled back statement.
    PERFORM pg_advisory_unlock_all();
    RAISE;
  END;
END $fn$;
`;
}
