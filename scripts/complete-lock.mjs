// Adds to package-lock.json what npm leaves out when a registry lacks the optional packages of other platforms, and
// then refuses in `npm ci` ("Missing: … from lock file"). If that happens, run this and then `npm install`, which keeps
// and sorts the entries. They name version and platform, so that `npm ci` skips them here and fetches them where they belong.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './workspaces.mjs';

const file = join(root, 'package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8'));
/** @type {Record<string, { dev?: boolean, optionalDependencies?: Record<string, string> } & Record<string, unknown>>} */
const packages = lock.packages;

let added = 0;
for (const { dev, optionalDependencies = {} } of Object.values(packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const entry = { version, ...platformOf(name), ...(dev ? { dev } : {}), optional: true };
    if (packages[`node_modules/${name}`] !== undefined || !('os' in entry) || !/^\d/.test(version)) continue;
    packages[`node_modules/${name}`] = entry;
    added += 1;
  }
}
if (added > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} packages of other platforms added to package-lock.json`);

/**
 * Reads the platform out of a name such as `@oxlint/binding-linux-arm64-musl`.
 * @param {string} name
 */
function platformOf(name) {
  const [, system, processor = '', library] =
    /[/-](android|darwin|freebsd|linux|openharmony|win32|windows)-(arm64|arm|x64|64|ia32|ppc64|riscv64|s390x)(?:-(gnu|musl))?/.exec(
      name,
    ) ?? [];
  if (system === undefined) return {};
  return {
    os: [system === 'windows' ? 'win32' : system],
    cpu: [processor === '64' ? 'x64' : processor],
    ...(library === undefined ? {} : { libc: [library === 'gnu' ? 'glibc' : 'musl'] }),
  };
}
