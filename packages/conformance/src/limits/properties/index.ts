import { batchProperties } from './batch.js';
import { budgetProperties } from './budget.js';
import { costProperties } from './cost.js';
import { debtProperties } from './debt.js';
import { faultProperties } from './faults.js';
import { keyProperties } from './keys.js';
import { limiterLevelProperties } from './limiter.js';
import { modelProperties } from './model.js';
import { policyProperties } from './policy.js';
import { recordProperties } from './record.js';
import { refundProperties } from './refund.js';
import { stormProperties } from './storm.js';
import { timeProperties } from './time.js';
import type { Property } from '../../suite/property.js';
import type { LimiterContext } from '../context.js';

/** Every property of a limiter store: claims one can read first, random traces after them. */
export const limiterProperties: readonly Property<LimiterContext>[] = [
  ...costProperties,
  ...refundProperties,
  ...debtProperties,
  ...policyProperties,
  ...batchProperties,
  ...keyProperties,
  ...timeProperties,
  ...recordProperties,
  ...stormProperties,
  ...modelProperties,
  ...limiterLevelProperties,
  ...budgetProperties,
  ...faultProperties,
];
