import { invalid, optionsObject } from '@headgate/core';
import { resolveNames } from './names.js';
import { limitsArithmeticSql } from './sql/limits-arithmetic.js';
import { limitsConsumeSql } from './sql/limits-consume.js';
import { limitsLoneSql } from './sql/limits-lone.js';
import { limitsStepSql } from './sql/limits-step.js';
import { limitsTableSql } from './sql/limits-table.js';
import { limitsTakeSql } from './sql/limits-take.js';
import { locksBatchSql } from './sql/locks-batch.js';
import { locksOperatorSql } from './sql/locks-operator.js';
import { locksHelpersSql, locksTablesSql } from './sql/locks-tables.js';
import { locksStandSql } from './sql/locks-stand.js';
import { locksTogetherSql } from './sql/locks-together.js';
import { versionDoneSql, versionSql } from './sql/version.js';
import type { SchemaOptions } from './names.js';

/** Options of {@link schemaSql} and of `migrate`. */
export interface SchemaSqlOptions extends SchemaOptions {
  /**
   * Make the table of limits `UNLOGGED`; default `false`. Writes then cost no WAL, which is most of what a consume costs the disk. The price: a crash
   * of the server empties the table (every limit starts fresh), and standbys do not have it (after a failover every limit starts fresh). Counts
   * only when the table is made; `ALTER TABLE … SET UNLOGGED` or `SET LOGGED` changes it later.
   */
  readonly unlogged?: boolean | undefined;
}

/**
 * The script that makes everything both stores need, for those who keep migrations of their own: tables, functions and a version. It can be
 * repeated, and run by several processes at once as long as each runs it in one transaction (a script sent in one query is one).
 * Throws `InvalidArgumentError` for names that are not plain identifiers.
 */
export function schemaSql(options: SchemaSqlOptions = {}): string {
  const names = resolveNames(optionsObject('options', options, { schema: 0, prefix: 0, unlogged: 0 }));
  const unlogged: unknown = options.unlogged ?? false;
  if (typeof unlogged !== 'boolean') throw invalid('unlogged', 'a boolean', unlogged);
  return [
    versionSql(names),
    limitsTableSql(names, unlogged),
    limitsArithmeticSql(names),
    limitsStepSql(names),
    limitsTakeSql(names),
    limitsLoneSql(names),
    limitsConsumeSql(names),
    locksTablesSql(names),
    locksHelpersSql(names),
    locksTogetherSql(names),
    locksBatchSql(names),
    locksStandSql(names),
    locksOperatorSql(names),
    versionDoneSql(names),
  ].join('');
}
