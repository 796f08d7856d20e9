import type { Names } from '../names.js';

/**
 * The rows of many exclusive locks that the session has just been given, in one statement: those operations `["a", …]` of `p_ops` (see `locks-batch.ts`) that
 * `p_got` marks. Answers each one's place in `p_ops` and its tokens. Who has the advisory lock is alone with the key's rows, so their order is free.
 */
export function locksTogetherSql(names: Names): string {
  const leases = names.of('leases');
  return /* sql */ `
CREATE OR REPLACE FUNCTION ${names.of('lock_together_v1')}(p_ops jsonb, p_got boolean[], p_ids bigint[], p_channel text)
RETURNS TABLE (place int, first_token bigint, last_token bigint)
LANGUAGE plpgsql VOLATILE AS $fn$
DECLARE
  now_us bigint := ${names.of('now_us_v1')}();
BEGIN
  -- Who holds them alone knows that every other row is left over.
  DELETE FROM ${leases} l WHERE l.lock_id = ANY (p_ids);
  RETURN QUERY
  WITH asked AS MATERIALIZED (
    SELECT o.place::int, (o.op->>1)::bigint AS lock_id, decode(o.op->>2, 'hex') AS hash, decode(o.op->>3, 'hex') AS key, o.op->>4 AS lease,
      (o.op->>6)::int AS permits, (o.op->>7)::bigint AS ttl_us, (o.op->>8)::bigint AS tokens, o.op->>9 AS info, decode(o.op->>10, 'hex') AS session_hash
    FROM jsonb_array_elements(p_ops) WITH ORDINALITY AS o(op, place) WHERE p_got[o.place]
  ), issued AS (
    INSERT INTO ${names.of('locks')} AS k (key_hash, key, lock_id, token)
      SELECT a.hash, a.key, a.lock_id, now_us + a.tokens - 1 FROM asked a
      ON CONFLICT (key_hash) DO UPDATE SET token = greatest(k.token + 1, now_us) + excluded.token - now_us, lock_id = excluded.lock_id
      RETURNING k.key_hash, k.token
  ), granted AS MATERIALIZED (
    SELECT a.*, i.token - a.tokens + 1 AS first, i.token AS last FROM asked a JOIN issued i ON i.key_hash = a.hash
  ), recorded AS (
    INSERT INTO ${leases} (lock_id, lease_id, key_hash, key, mode, permits, slot, session_hash, info, pid, channel,
        first_token, last_token, holder_token, acquired_us, expires_us)
      SELECT g.lock_id, g.lease, g.hash, g.key, 0, g.permits, NULL, g.session_hash, g.info, pg_backend_pid(), p_channel,
        g.first, g.last, g.first, now_us, now_us + g.ttl_us FROM granted g
  )
  SELECT g.place, g.first, g.last FROM granted g;
END $fn$;
`;
}
