import { createOrchestrator } from './app.js';
import { readConfig } from './config.js';
import { startWorkers } from './workers.js';

const config = readConfig(process.env);
const orchestrator = await createOrchestrator(config);
const url = await orchestrator.listen();
console.log(`${config.instance} on ${url} (store: ${config.store}, files in ${config.workFolder})`);
process.send?.({ url });
const stopWorkers = config.demo ? startWorkers({ urls: [url] }) : undefined;

let stopping: Promise<void> | undefined;
async function stop(): Promise<void> {
  await stopWorkers?.();
  await orchestrator.close();
  if (process.connected) process.disconnect();
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => (stopping ??= stop()));
// Started by `launch`: nobody is left to stop us when it is gone.
process.on('disconnect', () => (stopping ??= stop()));
