import { createHash } from 'node:crypto';
import { invalid, optionsObject } from '@headgate/core';

/** Where the tables and functions live. Both are identifiers of `a-z 0-9 _` beginning with a letter or `_`, and are always quoted. */
export interface SchemaOptions {
  /** PostgreSQL schema that holds everything; default `headgate`; at most 63 characters. */
  readonly schema?: string | undefined;
  /** Put before the name of every table, type and function; default none; at most 30 characters. */
  readonly prefix?: string | undefined;
}

/** Names of one installation. Only what {@link resolveNames} checked ever becomes part of a statement. */
export interface Names {
  readonly schema: string;
  readonly prefix: string;
  /** A quoted table, type or function with its schema. */
  of(name: string): string;
  /** A quoted name without its schema, for an index. */
  local(name: string): string;
  /** Name for a prepared statement, distinct per installation. */
  statement(name: string): string;
}

const identifier = /^[a-z_][a-z0-9_]*$/;

/** Checks schema and prefix against the allow-list; throws `InvalidArgumentError`. */
export function resolveNames(options: SchemaOptions): Names {
  optionsObject('options', options);
  const schema = checked('schema', options.schema ?? 'headgate', 63);
  const prefix = options.prefix === undefined || options.prefix === '' ? '' : checked('prefix', options.prefix, 30);
  const tag = createHash('sha256').update(`${schema}.${prefix}`).digest('hex').slice(0, 12);
  const local = (name: string): string => `"${prefix}${name}"`;
  return {
    schema,
    prefix,
    local,
    of: (name) => `"${schema}".${local(name)}`,
    statement: (name) => `headgate_${tag}_${name}`,
  };
}

function checked(option: string, value: unknown, most: number): string {
  if (typeof value !== 'string' || !identifier.test(value) || value.length > most) {
    throw invalid(option, `1 to ${most} characters of a-z 0-9 '_', beginning with a letter or '_'`, value);
  }
  return value;
}
