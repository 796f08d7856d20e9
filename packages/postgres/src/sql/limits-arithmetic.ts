import type { Names } from '../names.js';

/**
 * Port of core's `limits/{exact,token-bucket,fixed-window,sliding-window,sliding-log}.ts` as functions on arrays.
 * A limit is `{kind, limit, a, b}`: 0 token bucket (a unitsPerUs, b unitsPerToken), 1 fixed window (a windowUs, b 1 when aligned), 2 sliding window and
 * 3 sliding log (a windowUs). A state is the core's state. Products of two such numbers are taken in `numeric`.
 */
export function limitsArithmeticSql(names: Names): string {
  const fn = (name: string): string => names.of(`limit_${name}_v1`);
  return /* sql */ `
CREATE OR REPLACE FUNCTION ${fn('fresh')}(l bigint[], now_us bigint) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE AS $fn$
BEGIN
  RETURN CASE l[1]
    WHEN 0 THEN ARRAY[l[2] * l[4], now_us]
    WHEN 1 THEN ARRAY[0, CASE WHEN l[4] = 1 THEN now_us - now_us % l[3] ELSE now_us END]
    WHEN 2 THEN ARRAY[0, 0, now_us - now_us % l[3]]
    ELSE '{}'::bigint[] END;
END $fn$;

CREATE OR REPLACE FUNCTION ${fn('advance')}(l bigint[], s bigint[], now_us bigint) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE AS $fn$
DECLARE
  full_units bigint;
  starts bigint;
  i int := 1;
BEGIN
  CASE l[1]
    WHEN 0 THEN
      full_units := l[2] * l[4];
      IF now_us - s[2] >= (full_units - s[1] + l[3] - 1) / l[3] THEN RETURN ARRAY[full_units, now_us]; END IF;
      RETURN ARRAY[s[1] + (now_us - s[2]) * l[3], now_us];
    WHEN 1 THEN
      IF s[1] > 0 AND now_us < s[2] + l[3] THEN RETURN s; END IF;
      RETURN ${fn('fresh')}(l, now_us);
    WHEN 2 THEN
      IF now_us < s[3] + l[3] THEN RETURN s; END IF;
      starts := now_us - now_us % l[3];
      RETURN CASE WHEN starts = s[3] + l[3] THEN ARRAY[s[2], 0, starts] ELSE ARRAY[0, 0, starts] END;
    ELSE
      WHILE i < cardinality(s) AND s[i] + l[3] <= now_us LOOP i := i + 2; END LOOP;
      RETURN CASE WHEN i = 1 THEN s ELSE s[i:] END;
  END CASE;
END $fn$;

CREATE OR REPLACE FUNCTION ${fn('is_fresh')}(l bigint[], s bigint[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $fn$
BEGIN
  RETURN CASE l[1]
    WHEN 0 THEN s[1] >= l[2] * l[4]
    WHEN 1 THEN s[1] = 0
    WHEN 2 THEN s[1] = 0 AND s[2] = 0
    ELSE cardinality(s) = 0 END;
END $fn$;

CREATE OR REPLACE FUNCTION ${fn('used')}(l bigint[], s bigint[], now_us bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $fn$
DECLARE
  total bigint := 0;
BEGIN
  CASE l[1]
    -- Division truncates: the floor of a negative level is written out.
    WHEN 0 THEN RETURN l[2] - CASE WHEN s[1] >= 0 THEN s[1] / l[4] ELSE -((l[4] - 1 - s[1]) / l[4]) END;
    WHEN 1 THEN RETURN s[1];
    WHEN 2 THEN
      IF s[1] = 0 THEN RETURN s[2]; END IF;
      RETURN s[2] + div(s[1]::numeric * (l[3] - (now_us - s[3])) + l[3] - 1, l[3])::bigint;
    ELSE
      FOR i IN 1 .. cardinality(s) / 2 LOOP total := total + s[2 * i]; END LOOP;
      RETURN total;
  END CASE;
END $fn$;

CREATE OR REPLACE FUNCTION ${fn('charge')}(l bigint[], s bigint[], cost bigint, now_us bigint) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE AS $fn$
DECLARE
  full_units bigint;
  taken bigint;
  n int;
BEGIN
  CASE l[1]
    WHEN 0 THEN
      full_units := l[2] * l[4];
      RETURN ARRAY[greatest(-full_units, s[1] - CASE WHEN cost > 2 * l[2] THEN 2 * full_units ELSE cost * l[4] END), s[2]];
    WHEN 1 THEN
      RETURN ARRAY[s[1] + least(cost, 2 * l[2] - s[1]), s[2]];
    WHEN 2 THEN
      RETURN ARRAY[s[1], s[2] + greatest(0, least(cost, 2 * l[2] - ${fn('used')}(l, s, now_us))), s[3]];
    ELSE
      taken := least(cost, 2 * l[2] - ${fn('used')}(l, s, now_us));
      IF taken <= 0 THEN RETURN s; END IF;
      n := cardinality(s);
      IF n > 0 AND s[n - 1] = now_us THEN
        s[n] := s[n] + taken;
        RETURN s;
      END IF;
      RETURN s || ARRAY[now_us, taken];
  END CASE;
END $fn$;

CREATE OR REPLACE FUNCTION ${fn('refund')}(l bigint[], s bigint[], cost bigint, charged_us bigint) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE AS $fn$
DECLARE
  full_units bigint;
BEGIN
  CASE l[1]
    WHEN 0 THEN
      full_units := l[2] * l[4];
      RETURN ARRAY[
        least(full_units, s[1] + least(CASE WHEN cost > 2 * l[2] THEN 2 * full_units ELSE cost * l[4] END, full_units - s[1])),
        s[2]];
    WHEN 1 THEN
      IF charged_us < s[2] OR charged_us >= s[2] + l[3] THEN RETURN s; END IF;
      RETURN ARRAY[greatest(0, s[1] - cost), s[2]];
    WHEN 2 THEN
      IF charged_us >= s[3] THEN
        IF charged_us >= s[3] + l[3] THEN RETURN s; END IF;
        RETURN ARRAY[s[1], greatest(0, s[2] - cost), s[3]];
      END IF;
      IF charged_us < s[3] - l[3] THEN RETURN s; END IF;
      RETURN ARRAY[greatest(0, s[1] - cost), s[2], s[3]];
    ELSE
      FOR i IN 1 .. cardinality(s) / 2 LOOP
        IF s[2 * i - 1] = charged_us THEN
          IF s[2 * i] > cost THEN
            s[2 * i] := s[2 * i] - cost;
            RETURN s;
          END IF;
          RETURN s[: 2 * i - 2] || s[2 * i + 1 :];
        END IF;
      END LOOP;
      RETURN s;
  END CASE;
END $fn$;

CREATE OR REPLACE FUNCTION ${fn('fresh_at')}(l bigint[], s bigint[], now_us bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $fn$
BEGIN
  RETURN CASE l[1]
    WHEN 0 THEN now_us + (l[2] * l[4] - s[1] + l[3] - 1) / l[3]
    WHEN 1 THEN CASE WHEN s[1] = 0 THEN now_us ELSE s[2] + l[3] END
    WHEN 2 THEN CASE WHEN s[2] > 0 THEN s[3] + 2 * l[3] WHEN s[1] > 0 THEN s[3] + l[3] ELSE now_us END
    ELSE CASE WHEN cardinality(s) = 0 THEN now_us ELSE s[cardinality(s) - 1] + l[3] END END;
END $fn$;

-- convertState of record.ts: the state of limit f carried over to the parameters of t as of at_us.
CREATE OR REPLACE FUNCTION ${fn('convert')}(f bigint[], t bigint[], s bigint[], at_us bigint) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE AS $fn$
DECLARE
  spent bigint;
  missing bigint;
  most bigint;
  tokens bigint;
BEGIN
  IF f[1] <> t[1] OR (t[1] <> 0 AND f[3] <> t[3]) OR (t[1] = 1 AND f[4] <> t[4]) THEN
    spent := ${fn('used')}(f, s, at_us);
    IF spent = 0 THEN RETURN ${fn('fresh')}(t, at_us); END IF;
    RETURN ${fn('charge')}(t, ${fn('fresh')}(t, at_us), spent, at_us);
  END IF;
  IF t[1] <> 0 THEN RETURN s; END IF;
  missing := f[2] * f[4] - s[1];
  most := 2 * t[2] * t[4];
  IF f[4] <> t[4] THEN
    tokens := missing / f[4];
    IF tokens > most / t[4] THEN
      missing := most;
    ELSE
      missing := tokens * t[4] + div(t[4]::numeric * (missing - tokens * f[4]) + f[4] - 1, f[4])::bigint;
    END IF;
  END IF;
  RETURN ARRAY[t[2] * t[4] - least(missing, most), at_us];
END $fn$;
`;
}
