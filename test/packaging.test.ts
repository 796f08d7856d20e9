import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { published, root } from '../scripts/workspaces.mjs';
import { type Consumer, installConsumer } from './consumer.js';

const names = published.map(({ manifest }) => manifest.name);
let consumer: Consumer;

beforeAll(() => {
  consumer = installConsumer();
});
afterAll(() => consumer?.remove());

describe.each(names)('%s', (name) => {
  const installed = (...path: string[]): string => join(consumer.folder, 'node_modules', name, ...path);

  it('can be imported', () => {
    expect(evaluate(`console.log(Object.keys(await import('${name}')).length)`)).toBeGreaterThan(0);
  });

  it('can be required from CommonJS', () => {
    expect(evaluate(`console.log(Object.keys(require('${name}')).length)`, 'commonjs')).toBeGreaterThan(0);
  });

  it('exports what it exported before', () => {
    expect(exportedNames(readFileSync(installed('dist/index.d.ts'), 'utf8'))).toMatchSnapshot();
  });

  it('packs the built files, a README and the license, and neither tests nor build records', () => {
    const files = packedFiles(name);
    const required = ['LICENSE', 'README.md', 'dist/index.d.ts', 'dist/index.js', 'package.json'];
    expect(required.filter((file) => !files.includes(file))).toEqual([]);
    expect(files.filter((file) => /\.test|\.tsbuildinfo$|^(src|test|\.cache)\//.test(file))).toEqual([]);
    expect(files.filter((file) => !file.endsWith('.map') && !file.endsWith('.d.ts'))).toMatchSnapshot();
    expect(readFileSync(installed('LICENSE'), 'utf8')).toBe(readFileSync(join(root, 'LICENSE'), 'utf8'));
  });

  it('refers to no source map that is not packed', () => {
    const maps = packedFiles(name)
      .filter((file) => file.endsWith('.js'))
      .map((file) => installed(file, '..', sourceMapOf(readFileSync(installed(file), 'utf8'))));
    expect(maps.filter((map) => !existsSync(map))).toEqual([]);
  });
});

describe('a project that uses all packages type-checks', () => {
  it.each([
    ['nodenext', 'nodenext', 'consumer.mts'],
    ['nodenext', 'nodenext', 'consumer.cts'],
    ['esnext', 'bundler', 'consumer.ts'],
  ])('with module %s and moduleResolution %s (%s)', (module, moduleResolution, file) => {
    const imports = names.map((name, i) =>
      file.endsWith('.cts') ? `import p${i} = require('${name}');` : `import * as p${i} from '${name}';`,
    );
    consumer.write(file, [...imports, `console.log(${names.map((_, i) => `p${i}`).join(', ')});`].join('\n'));
    const options = ['--strict', '--noEmit', '--target', 'es2022', '--types', 'node', '--skipLibCheck', 'false'];
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const args = [tsc, ...options, '--module', module, '--moduleResolution', moduleResolution, '--ignoreConfig', file];
    expect(compile(args)).toBe('');
  });
});

function sourceMapOf(code: string): string {
  return /\/\/# sourceMappingURL=(.+)$/m.exec(code)?.[1] ?? '';
}

/** What `tsc` prints: nothing, or its errors. */
function compile(args: readonly string[]): string {
  try {
    return consumer.run('node', ...args);
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

/** Runs code in the project with warnings as errors of this test, and returns the number it prints. */
function evaluate(code: string, type = 'module'): number {
  return Number(consumer.run('node', `--input-type=${type}`, '--disable-warning=ExperimentalWarning', '--eval', code));
}

function packedFiles(name: string): readonly string[] {
  const files = consumer.packed.find((tarball) => tarball.name === name)?.files ?? [];
  return files.map((file) => file.path).sort();
}

/** The names, types included, in the `export { … } from` lines that an index consists of. */
function exportedNames(declarations: string): readonly string[] {
  const exported = [...declarations.matchAll(/export (type )?\{([^}]*)\}/g)].flatMap(([, typeOnly = '', list = '']) =>
    list.split(',').map((item) => `${typeOnly}${item.trim()}`),
  );
  return exported.filter((item) => item.trim() !== '' && item !== 'type ').sort();
}
