import { createHash } from 'node:crypto';
import type { Names } from '../names.js';

/** Version of the schema that this release makes and needs. Functions carry their own version in their name, so that processes of two releases can share a database. */
export const schemaVersion = 2;

/** First of the script: one migration at a time, an old enough schema, a new enough server. */
export function versionSql(names: Names): string {
  return /* sql */ `
SELECT pg_advisory_xact_lock(${migrationLock(names)});
DO $do$ BEGIN
  IF current_setting('server_version_num')::int < 140000 THEN
    RAISE EXCEPTION 'Headgate needs PostgreSQL 14 or newer' USING ERRCODE = 'feature_not_supported';
  END IF;
  -- CREATE SCHEMA IF NOT EXISTS would ask for the right to create one even where it exists.
  IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = '${names.schema}') THEN
    CREATE SCHEMA "${names.schema}";
  END IF;
END $do$;
CREATE TABLE IF NOT EXISTS ${names.of('schema_version')} (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), version integer NOT NULL);
DO $do$ BEGIN
  IF (SELECT version FROM ${names.of('schema_version')}) > ${schemaVersion} THEN
    RAISE EXCEPTION 'The schema is of a newer Headgate: this release knows version ${schemaVersion}' USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
END $do$;
`;
}

/** Last of the script: the version is there when everything else is. */
export function versionDoneSql(names: Names): string {
  return /* sql */ `
INSERT INTO ${names.of('schema_version')} (version) VALUES (${schemaVersion})
  ON CONFLICT (only_row) DO UPDATE SET version = excluded.version;
`;
}

function migrationLock(names: Names): string {
  return createHash('sha256')
    .update(`headgate migrate ${names.schema} ${names.prefix}`)
    .digest()
    .readBigInt64BE()
    .toString();
}
