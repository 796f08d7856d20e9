import { parseArgs } from 'node:util';

/*
 * `npm start` runs one instance, configured by the environment. `npm start -- --store redis --instances 3` starts a throw-away server,
 * three instances that share it, and the simulated workers.
 */
const { values } = parseArgs({ options: { store: { type: 'string' }, instances: { type: 'string' } } });

if (values.store === undefined && values.instances === undefined) {
  await import('./instance.js');
} else {
  const { launch } = await import('./launch.js');
  await launch(values.store ?? 'redis', Number(values.instances ?? 3));
}
