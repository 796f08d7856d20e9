import { execFile } from 'node:child_process';
import { requireBinary } from '@headgate/test-servers';

/** Runs promtool; resolves to what it printed and its exit code. */
export function promtool(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve, reject) => {
    execFile(requireBinary('promtool'), args, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`;
      if (!error) resolve({ code: 0, output });
      else if (typeof error.code === 'number') resolve({ code: error.code, output });
      else reject(error);
    });
  });
}
