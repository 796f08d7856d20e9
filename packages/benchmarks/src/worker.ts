// One contestant's process: sets it up, then works whenever the parent says so.
import { tables } from './tables/index.js';
import type { Reply, Request } from './contestant-process.js';

const [tableName, workloadId, contestantName, env] = process.argv.slice(2) as [string, string, string, string];

function send(reply: Reply): void {
  process.send?.(reply);
}

function fail(error: unknown): void {
  send({ kind: 'failed', error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}

async function serve(): Promise<void> {
  const table = tables[tableName];
  const workload = table?.workloads.find(({ id }) => id === workloadId);
  const contestant = workload?.contestants[contestantName];
  if (!contestant) throw new Error(`No contestant ${contestantName} in ${tableName}/${workloadId}`);
  const runner = await contestant(JSON.parse(env) as Record<string, string>);
  process.on('message', (request: Request) => {
    if (request.kind === 'round') {
      runner.round(request.ms).then((sample) => send({ kind: 'sample', sample }), fail);
    } else {
      Promise.resolve(runner.close?.()).then(() => process.exit(0), fail);
    }
  });
  process.on('disconnect', () => process.exit(1));
  send({ kind: 'ready' });
}

serve().catch(fail);
