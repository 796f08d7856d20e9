import type { Names } from '../names.js';

/**
 * One batch of lock operations on the connection that holds them: `{"c": connection, "n": channel, "o": [op, …], "m": [place, …]}`, sorted by lock
 * id. Answers an array, one reply an operation. If anything fails, everything the batch took is given back before the error leaves. `m` names exclusive acquires of
 * locks that no other operation of the batch names: those that turn out to be free and unwaited for are done together, before the others.
 * `["a", lock id, key hash, key, lease, mode, permits, ttl us, tokens, info, session hash, waiter us, busy, own slots]`
 *   -> `[1, first token, last token, slot]` or `[0, holders, retry after us, 1 when it was queued now]`; `busy` says that this connection has the lock already.
 * `["e", lock id, lease, first token, ttl us, info, holder token]` -> `[1]` or `[0, reason]`
 * `["c", lock id, lease]` takes a waiter out of the queue -> `[1]`
 * `["r", lock id, lease, mode, slot, key hash]` -> `[was there, had expired, reason of an eviction, was unlocked]`
 */
export function locksBatchSql(names: Names): string {
  const locks = names.of('locks');
  const leases = names.of('leases');
  const waiters = names.of('waiters');
  const now = `${names.of('now_us_v1')}()`;
  const held = `${names.of('lock_held_v1')}()`;
  const slot = names.of('lock_slot_v1');
  const wake = names.of('lock_wake_v1');
  const call = names.of('lock_call_v1');
  return /* sql */ `
CREATE OR REPLACE FUNCTION ${names.of('lock_batch_v1')}(p jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $fn$
DECLARE
  replies jsonb[];
  reply jsonb;
  op jsonb;
  place int := 0;
  -- Of the acquires that may be done together: places, locks, those that need the long way, and which of the batch were given.
  places int[];
  ids bigint[];
  apart bigint[];
  got_together boolean[];
  -- What this batch has taken, for giving it back: ids, and whether shared.
  taken bigint[] := '{}';
  taken_shared boolean[] := '{}';
  channel_name text := p->>'n';
  me int := pg_backend_pid();
  id bigint;
  hash bytea;
  lease text;
  lock_mode int;
  now_us bigint;
  my_seq bigint;
  first_other bigint;
  queued boolean;
  passed_on boolean;
  -- Locks that were passed on to who stood there, and the places in line of those.
  called bigint[] := '{}';
  called_after bigint[] := '{}';
  ahead boolean;
  got boolean;
  tried int;
  old record;
  has_old boolean;
  n_permits int;
  n_tokens bigint;
  got_slot int;
  used_slots int[];
  wait_us bigint;
  granted_token bigint;
  holders jsonb;
  retry_us bigint;
  r record;
BEGIN
  IF current_setting('headgate.connection', true) IS DISTINCT FROM p->>'c' THEN
    RAISE EXCEPTION 'this backend is not the one that the connection was opened on' USING ERRCODE = 'HG001';
  END IF;
  IF p ? 'm' THEN
    SELECT array_agg(o.place), array_agg((o.op->>1)::bigint) INTO places, ids
      FROM jsonb_array_elements(p->'m') AS m(place) JOIN jsonb_array_elements(p->'o') WITH ORDINALITY AS o(op, place) ON o.place = m.place::int;
    -- Behind waiters, or with a lease that an earlier connection left.
    apart := ARRAY(SELECT w.lock_id FROM ${waiters} w WHERE w.lock_id = ANY (ids)
      UNION ALL SELECT l.lock_id FROM ${leases} l WHERE l.lock_id = ANY (ids) AND l.pid <> me AND l.expires_us > ${now});
    FOR i IN 1 .. cardinality(places) LOOP
      id := ids[i];
      CONTINUE WHEN id = ANY (apart);
      -- Noted first: whatever interrupts us, what was taken is known.
      taken := taken || id;
      taken_shared := taken_shared || false;
      IF pg_try_advisory_lock(id) THEN
        got_together[places[i]] := true;
      ELSE
        taken := trim_array(taken, 1);
        taken_shared := trim_array(taken_shared, 1);
      END IF;
    END LOOP;
    IF cardinality(taken) > 0 THEN
      FOR r IN SELECT * FROM ${names.of('lock_together_v1')}(p->'o', got_together, taken, channel_name) LOOP
        replies[r.place] := jsonb_build_array(1, r.first_token, r.last_token, NULL);
      END LOOP;
    END IF;
  END IF;
  FOR op IN SELECT value FROM jsonb_array_elements(p->'o') LOOP
    place := place + 1;
    CONTINUE WHEN replies[place] IS NOT NULL;
    id := (op->>1)::bigint;
    now_us := ${now};
    CASE op->>0
    WHEN 'e' THEN
      UPDATE ${leases} l SET expires_us = now_us + (op->>4)::bigint, info = coalesce(op->>5, l.info), holder_token = coalesce((op->>6)::bigint, l.holder_token)
        WHERE l.lock_id = id AND l.lease_id = op->>2 AND l.pid = me AND l.first_token = (op->>3)::bigint AND l.expires_us > now_us AND l.evict IS NULL;
      IF FOUND THEN
        reply := '[1]'::jsonb;
      ELSE
        SELECT l.evict INTO r FROM ${leases} l WHERE l.lock_id = id AND l.lease_id = op->>2 AND l.pid = me;
        reply := jsonb_build_array(0, CASE WHEN FOUND THEN coalesce(r.evict, 'expired') ELSE 'forced' END);
      END IF;

    WHEN 'c' THEN
      DELETE FROM ${waiters} w WHERE w.lock_id = id AND w.lease_id = op->>2;
      -- It may have been its turn.
      IF FOUND THEN PERFORM ${wake}(id); END IF;
      reply := '[1]'::jsonb;

    WHEN 'r' THEN
      SELECT l.expires_us, l.evict, (SELECT CASE WHEN bool_and(w.mode = 0) THEN min(w.seq) END
          FROM ${waiters} w WHERE w.lock_id = id AND w.until_us > now_us AND (op->>3)::int = 0) AS next_seq
        INTO r FROM ${leases} l WHERE l.lock_id = id AND l.lease_id = op->>2 AND l.pid = me;
      reply := CASE WHEN FOUND THEN jsonb_build_array(1, (r.expires_us <= now_us)::int, r.evict) ELSE '[0, 0, null]'::jsonb END;
      passed_on := false;
      IF r.next_seq IS NULL THEN DELETE FROM ${leases} l WHERE l.lock_id = id AND l.lease_id = op->>2 AND l.pid = me; END IF;
      CASE (op->>3)::int
        WHEN 0 THEN
          got := pg_advisory_unlock(id);
          IF r.next_seq IS NOT NULL THEN
            -- Who stood at the lock has it by now, waiting for no row of ours, and removes the lease as one left over.
            IF pg_try_advisory_lock(id) THEN
              PERFORM pg_advisory_unlock(id);
              DELETE FROM ${leases} l WHERE l.lock_id = id AND l.lease_id = op->>2 AND l.pid = me;
            ELSE
              passed_on := true;
              called := called || id;
              called_after := called_after || r.next_seq;
            END IF;
          END IF;
        WHEN 1 THEN got := pg_advisory_unlock_shared(id);
        ELSE
          got := pg_advisory_unlock(${slot}(decode(op->>5, 'hex'), (op->>4)::int));
          got := pg_advisory_unlock_shared(id) AND got;
      END CASE;
      reply := reply || to_jsonb(got::int);
      IF NOT passed_on AND EXISTS (SELECT FROM ${waiters} w WHERE w.lock_id = id) THEN
        DELETE FROM ${waiters} w WHERE w.lock_id = id AND w.until_us <= now_us;
        PERFORM ${wake}(id);
      END IF;

    ELSE
      hash := decode(op->>2, 'hex');
      lease := op->>4;
      lock_mode := (op->>5)::int;
      n_permits := (op->>6)::int;
      n_tokens := (op->>8)::bigint;
      wait_us := (op->>11)::bigint;
      SELECT count(*) > 0, min(w.seq) FILTER (WHERE w.until_us > now_us AND w.lease_id = lease),
          min(w.seq) FILTER (WHERE w.until_us > now_us AND w.lease_id <> lease AND NOT (lock_mode = 1 AND w.mode = 1))
        INTO queued, my_seq, first_other FROM ${waiters} w WHERE w.lock_id = id;
      ahead := first_other IS NOT NULL AND (my_seq IS NULL OR first_other < my_seq);

      got := false;
      has_old := false;
      got_slot := NULL;
      tried := 0;
      WHILE NOT got AND tried < 2 AND NOT ahead AND (op->>12) = '0' LOOP
        tried := tried + 1;
        IF lock_mode = 0 THEN
          got := pg_try_advisory_lock(id);
          IF got THEN taken := taken || id; taken_shared := taken_shared || false; END IF;
        ELSE
          got := pg_try_advisory_lock_shared(id);
          IF got THEN taken := taken || id; taken_shared := taken_shared || true; END IF;
        END IF;
        IF got AND lock_mode > 0 THEN
          -- Readers and permits hold the same lock shared: the key's row makes them take turns, and the rows tell them apart.
          INSERT INTO ${locks} (key_hash, key, lock_id, token) VALUES (hash, decode(op->>3, 'hex'), id, 0) ON CONFLICT (key_hash) DO NOTHING;
          PERFORM FROM ${locks} k WHERE k.key_hash = hash FOR UPDATE;
          -- Had we passed it on to somebody who vanished, the row of that lease would still be here.
          DELETE FROM ${leases} l WHERE l.lock_id = id AND l.pid = me AND l.mode = 0;
          IF EXISTS (SELECT FROM ${leases} l WHERE l.lock_id = id AND l.key_hash = hash AND l.mode <> lock_mode)
            AND EXISTS (SELECT FROM ${leases} l JOIN ${held} h ON h.lock_id = l.lock_id AND h.pid = l.pid
              WHERE l.lock_id = id AND l.key_hash = hash AND l.mode <> lock_mode)
          THEN
            got := false;
          ELSIF lock_mode = 2 THEN
            used_slots := ARRAY(SELECT l.slot FROM ${leases} l WHERE l.lock_id = id AND l.key_hash = hash AND l.mode = 2)
              || ARRAY(SELECT value::int FROM jsonb_array_elements_text(op->13));
            FOR i IN 1 .. n_permits LOOP
              IF i <> ALL (used_slots) AND pg_try_advisory_lock(${slot}(hash, i)) THEN
                got_slot := i;
                EXIT;
              END IF;
            END LOOP;
            IF got_slot IS NULL THEN
              FOR r IN SELECT l.slot, l.lease_id FROM ${leases} l WHERE l.lock_id = id AND l.key_hash = hash AND l.mode = 2 AND l.pid <> me
                AND l.slot <= n_permits AND NOT EXISTS (SELECT FROM ${held} h WHERE h.lock_id = id AND h.pid = l.pid)
              LOOP
                IF pg_try_advisory_lock(${slot}(hash, r.slot)) THEN
                  got_slot := r.slot;
                  DELETE FROM ${leases} l WHERE l.lock_id = id AND l.lease_id = r.lease_id AND r.lease_id <> lease;
                  EXIT;
                END IF;
              END LOOP;
            END IF;
            IF got_slot IS NULL THEN
              got := false;
            ELSE
              taken := taken || ${slot}(hash, got_slot);
              taken_shared := taken_shared || false;
            END IF;
          END IF;
          IF NOT got THEN
            PERFORM pg_advisory_unlock_shared(id);
            taken := trim_array(taken, 1);
            taken_shared := trim_array(taken_shared, 1);
          END IF;
        END IF;
        -- A connection that this process has lost may still stand here with this very lease: end it, and look again.
        IF tried = 1 THEN
          SELECT l.pid, l.first_token, l.last_token, l.acquired_us INTO old FROM ${leases} l
            WHERE l.lock_id = id AND l.lease_id = lease AND l.pid <> me AND l.expires_us > now_us;
          has_old := FOUND;
          IF NOT got THEN
            EXIT WHEN NOT has_old OR NOT EXISTS (SELECT FROM ${held} h WHERE h.lock_id = id AND h.pid = old.pid);
            PERFORM pg_terminate_backend(old.pid, 2000);
          ELSIF has_old AND lock_mode > 0 AND EXISTS (SELECT FROM ${held} h WHERE h.lock_id = id AND h.pid = old.pid) THEN
            PERFORM pg_terminate_backend(old.pid, 2000);
          END IF;
        END IF;
      END LOOP;

      IF got THEN
        IF has_old AND EXISTS (SELECT FROM ${locks} k WHERE k.key_hash = hash AND k.token = old.last_token)
          AND old.last_token - old.first_token = n_tokens - 1
        THEN
          granted_token := old.first_token;
        ELSE
          has_old := false;
          INSERT INTO ${locks} AS k (key_hash, key, lock_id, token) VALUES (hash, decode(op->>3, 'hex'), id, now_us + n_tokens - 1)
            ON CONFLICT (key_hash) DO UPDATE SET token = greatest(k.token + 1, now_us) + n_tokens - 1, lock_id = excluded.lock_id
            RETURNING k.token - n_tokens + 1 INTO granted_token;
        END IF;
        -- Who holds it alone knows that every other row is left over.
        DELETE FROM ${leases} l WHERE l.lock_id = id AND (lock_mode = 0 OR l.lease_id = lease);
        INSERT INTO ${leases} (lock_id, lease_id, key_hash, key, mode, permits, slot, session_hash, info, pid, channel,
            first_token, last_token, holder_token, acquired_us, expires_us)
          VALUES (id, lease, hash, decode(op->>3, 'hex'), lock_mode, n_permits, got_slot, decode(op->>10, 'hex'), op->>9, me, channel_name,
            granted_token, granted_token + n_tokens - 1, granted_token,
            CASE WHEN has_old THEN old.acquired_us ELSE now_us END, now_us + (op->>7)::bigint);
        IF queued THEN
          DELETE FROM ${waiters} w WHERE w.lock_id = id AND w.lease_id = lease;
          -- Other readers may come along. Behind one that is alone, the next may come and stand at the lock; one that stood there itself leaves it to the giver to call.
          IF lock_mode > 0 THEN PERFORM ${wake}(id); ELSIF NOT p ? 's' THEN PERFORM ${call}(id, 0); END IF;
        END IF;
        reply := jsonb_build_array(1, granted_token, granted_token + n_tokens - 1, got_slot);
      ELSE
        SELECT coalesce(jsonb_agg(jsonb_build_array(l.lease_id, l.info, l.holder_token, l.acquired_us, l.expires_us) ORDER BY l.acquired_us), '[]'),
            min(l.expires_us) - now_us
          INTO holders, retry_us FROM ${leases} l WHERE l.lock_id = id AND l.expires_us > now_us AND l.lease_id <> lease;
        IF wait_us IS NOT NULL THEN
          IF my_seq IS NULL THEN
            DELETE FROM ${waiters} w WHERE w.lock_id = id AND w.lease_id = lease;
            INSERT INTO ${waiters} (lock_id, lease_id, mode, channel, until_us) VALUES (id, lease, lock_mode, channel_name, now_us + wait_us);
          ELSE
            UPDATE ${waiters} w SET until_us = now_us + wait_us, channel = channel_name WHERE w.lock_id = id AND w.lease_id = lease;
          END IF;
        END IF;
        reply := jsonb_build_array(0, holders, retry_us, (wait_us IS NOT NULL AND my_seq IS NULL)::int);
      END IF;
    END CASE;
    replies[place] := reply;
  END LOOP;
  FOR i IN 1 .. cardinality(called) LOOP
    PERFORM ${call}(called[i], called_after[i]);
  END LOOP;
  RETURN to_jsonb(replies);
EXCEPTION WHEN query_canceled OR assert_failure OR others THEN
  -- Advisory locks of a session outlive a rolled back statement.
  FOR i IN 1 .. cardinality(taken) LOOP
    IF taken_shared[i] THEN PERFORM pg_advisory_unlock_shared(taken[i]); ELSE PERFORM pg_advisory_unlock(taken[i]); END IF;
  END LOOP;
  RAISE;
END $fn$;
`;
}
