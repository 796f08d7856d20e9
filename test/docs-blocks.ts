import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root, workspaces } from '../scripts/workspaces.mjs';

/** A server that a block may ask for. */
export type Setup = 'redis' | 'redis-cluster' | 'postgres' | 'dynamodb';

/** One fenced `ts` block of a document. */
export interface DocsBlock {
  /** The document, relative to the root. */
  readonly document: string;
  /** The line of the opening fence, from 1. */
  readonly line: number;
  readonly code: string;
  /** What `<!-- setup: redis, postgres -->` above the block asks for. */
  readonly setup: readonly Setup[];
  /** The reason in `<!-- no-run: reason -->` above the block: it is compiled only. */
  readonly noRun?: string;
}

/** Every `ts` block in the README, `docs/`, and the READMEs of packages and examples. */
export function readDocsBlocks(): readonly DocsBlock[] {
  const readmes = [root, ...workspaces.map(({ folder }) => folder)].map((folder) => join(folder, 'README.md'));
  return [...readmes.filter((file) => existsSync(file)), ...markdownBelow(join(root, 'docs'))].flatMap((file) =>
    parseBlocks(relative(root, file), readFileSync(file, 'utf8')),
  );
}

function markdownBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => path.endsWith('.md')).map((path) => join(folder, path));
}

/** Finds the `ts` blocks of one document. Blocks in JavaScript are refused, so that none goes unchecked. */
export function parseBlocks(document: string, markdown: string): readonly DocsBlock[] {
  const lines = markdown.split('\n');
  const blocks: DocsBlock[] = [];
  for (let i = 0; i < lines.length; i += 1) {
    const [, indent, language] = /^(\s*)```+\s*([\w-]*)/.exec(lines[i] ?? '') ?? [];
    if (language === undefined) continue;
    if (/^(typescript|tsx|js|javascript|mjs)$/.test(language)) {
      throw new Error(`${document}:${i + 1}: Expected a block of code to be opened with \`ts\`, got \`${language}\``);
    }
    const end = lines.findIndex((line, j) => j > i && /^\s*```+\s*$/.test(line));
    if (end === -1) throw new Error(`${document}:${i + 1}: Expected the block to be closed`);
    if (language === 'ts') {
      const code = lines.slice(i + 1, end).map((line) => line.slice(indent?.length ?? 0));
      blocks.push({ document, line: i + 1, code: code.join('\n'), ...readComments(lines, i) });
    }
    i = end;
  }
  return blocks;
}

/** Reads the comments directly above a fence; blank lines between them do not matter. */
function readComments(lines: readonly string[], fence: number): Pick<DocsBlock, 'setup' | 'noRun'> {
  const setup: Setup[] = [];
  let noRun: string | undefined;
  for (let i = fence - 1; i >= 0; i -= 1) {
    const line = lines[i]?.trim() ?? '';
    if (line === '') continue;
    const [, word, value = ''] = /^<!--\s*(setup|no-run):\s*(.+?)\s*-->$/.exec(line) ?? [];
    if (word === undefined) break;
    if (word === 'no-run') noRun = value;
    else setup.push(...value.split(/[\s,]+/).map(readSetup));
  }
  return { setup, ...(noRun === undefined ? {} : { noRun }) };
}

function readSetup(name: string): Setup {
  if (name === 'redis' || name === 'redis-cluster' || name === 'postgres' || name === 'dynamodb') return name;
  throw new Error(`Expected \`setup\` to name redis, redis-cluster, postgres or dynamodb, got \`${name}\``);
}
