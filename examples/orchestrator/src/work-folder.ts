import { constants } from 'node:fs';
import { mkdir, open, realpath } from 'node:fs/promises';
import { dirname, join, posix, sep } from 'node:path';
import { ProblemError } from './problem.js';

function refuse(path: string, why: string): ProblemError {
  return new ProblemError({
    status: 400,
    title: 'Path refused',
    detail: `Expected a path within the working folder, got one that ${why}`,
    path,
  });
}

/** The one spelling of a path within the working folder (`a//b/./c` is `a/b/c`); throws a 400 problem for a path that is not within it. */
export function normalizePath(path: string): string {
  if (path === '') throw refuse(path, 'is empty');
  if (Buffer.byteLength(path) > 1024) throw refuse(path.slice(0, 80), 'is longer than 1,024 bytes');
  if (path.includes('\0')) throw refuse(path.replaceAll('\0', '\\0'), 'holds a NUL');
  if (path.includes('\\')) throw refuse(path, 'holds a backslash');
  if (posix.isAbsolute(path)) throw refuse(path, 'is absolute');
  if (path.split('/').includes('..')) throw refuse(path, "holds '..'");
  const normal = posix.normalize(path);
  if (normal === '.' || normal.endsWith('/')) throw refuse(path, 'names a folder');
  return normal;
}

/** Files under one folder; nothing outside it is ever read or written, symbolic links included. */
export class WorkFolder {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  static async open(folder: string): Promise<WorkFolder> {
    await mkdir(folder, { recursive: true });
    return new WorkFolder(await realpath(folder));
  }

  /** Writes a file, making its folders; `path` as {@link normalizePath} returns it. */
  async write(path: string, content: string): Promise<void> {
    const target = join(this.#root, path);
    await this.#makeFolders(dirname(path), path);
    // O_NOFOLLOW: the last component must not be a link either.
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
    const file = await open(target, flags, 0o644).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ELOOP') throw refuse(path, 'goes through a symbolic link');
      if (error.code === 'EISDIR') throw refuse(path, 'names a folder');
      if (error.code === 'ENOTDIR') throw refuse(path, 'goes through a file');
      if (error.code === 'ENAMETOOLONG') throw refuse(path, 'has too long a name');
      throw error;
    });
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
  }

  /** Makes the folders of a path one by one, refusing any that is, or leads through, a link. */
  async #makeFolders(folder: string, path: string): Promise<void> {
    let current = this.#root;
    for (const part of folder === '.' ? [] : folder.split('/')) {
      current = current + sep + part;
      await mkdir(current).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENAMETOOLONG') throw refuse(path, 'has too long a name');
        if (error.code === 'ENOTDIR') throw refuse(path, 'goes through a file');
        if (error.code !== 'EEXIST') throw error;
      });
      const real = await realpath(current);
      if (real !== current) throw refuse(path, 'goes through a symbolic link');
    }
  }
}
