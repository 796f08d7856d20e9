// `npm run clean`: removes what a build or a test run left behind. `dist` and `.cache` go together: a build
// record without its output would make `tsc -b` believe that there is nothing to do.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, workspaces } from './workspaces.mjs';

for (const folder of [root, ...workspaces.map((workspace) => workspace.folder)]) {
  for (const name of ['dist', '.cache', '.turbo']) rmSync(join(folder, name), { recursive: true, force: true });
}
