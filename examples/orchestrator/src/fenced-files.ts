import type { FencedRegister } from '@headgate/core';
import { FencedError } from '@headgate/core';
import { ProblemError } from './problem.js';
import type { WorkFolder } from './work-folder.js';

/** Files that only the holder of the newest token can write. */
export class FencedFiles {
  readonly #folder: WorkFolder;
  readonly #register: FencedRegister;

  constructor(options: { readonly folder: WorkFolder; readonly register: FencedRegister }) {
    this.#folder = options.folder;
    this.#register = options.register;
  }

  /** Writes a file; throws a 409 problem when the token is stale or was never issued. */
  async write(path: string, content: string, fencingToken: number): Promise<void> {
    try {
      await this.#register.write({ key: path, fencingToken }, () => this.#folder.write(path, content));
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
      const { reason, currentToken, code } = error;
      throw new ProblemError({ status: 409, title: 'Fenced', detail: error.message, code, reason, currentToken });
    }
  }
}
