import { costProperties } from './cost.js';
import { modelProperties } from './model.js';
import type { Property } from '../../suite/property.js';
import type { LimiterContext } from '../context.js';

/** Every property of a limiter store, by subject. */
export const limiterProperties: readonly Property<LimiterContext>[] = [...costProperties, ...modelProperties];
