import { readdirSync } from 'node:fs';
import path from 'node:path';
import { makeServerDirectory, removeServerDirectory } from './run-directory.js';
import { freePort } from './free-port.js';
import { ServerStartError } from './errors.js';
import type { RestartOptions, TestServer } from './server.js';
import { ServerProcess, type ServerProcessOptions } from './server-process.js';

/** What one kind of server has to say to be started by {@link startOwnedServer}. */
export interface OwnedServerOptions {
  readonly name: string;
  /** Distance to a second port that must be free too; see {@link freePort}. */
  readonly alsoFree?: number;
  readonly url: (port: number) => string;
  /** Fills an empty data folder; called before the first start and before every restart that empties it. */
  readonly prepare?: (directory: string, port: number) => Promise<void>;
  readonly process: (directory: string, port: number) => Omit<ServerProcessOptions, 'name' | 'directory'>;
}

const startAttempts = 5;

/** Starts a server program in a fresh folder at a free port, and again at another port when somebody took that one. */
export async function startOwnedServer(options: OwnedServerOptions): Promise<TestServer> {
  for (let attempt = 1; ; attempt += 1) {
    const server = new OwnedServer(options, await freePort(options.alsoFree));
    try {
      await server.restart();
      return server;
    } catch (error) {
      await server.stop();
      const portTaken =
        error instanceof ServerStartError && /address already in use|EADDRINUSE|bind failed/i.test(error.message);
      if (!portTaken || attempt === startAttempts) throw error;
    }
  }
}

class OwnedServer implements TestServer {
  readonly host = '127.0.0.1';
  readonly name: string;
  readonly port: number;
  readonly url: string;
  readonly #options: OwnedServerOptions;
  readonly #directory: string;
  readonly #process: ServerProcess;
  #prepared = false;

  constructor(options: OwnedServerOptions, port: number) {
    this.name = options.name;
    this.port = port;
    this.url = options.url(port);
    this.#options = options;
    this.#directory = makeServerDirectory(options.name);
    this.#process = new ServerProcess({
      name: options.name,
      directory: this.#directory,
      ...options.process(this.#directory, port),
    });
  }

  get pids(): readonly number[] {
    return this.#process.pids;
  }

  pause(): Promise<void> {
    return this.#process.pause();
  }

  resume(): Promise<void> {
    return this.#process.resume();
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }

  async restart({ empty = false }: RestartOptions = {}): Promise<void> {
    await this.#process.kill();
    if (empty || !this.#prepared) {
      emptyDirectory(this.#directory);
      await this.#options.prepare?.(this.#directory, this.port);
      this.#prepared = true;
    }
    await this.#process.start();
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    removeServerDirectory(this.#directory);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

function emptyDirectory(directory: string): void {
  for (const entry of readdirSync(directory)) removeServerDirectory(path.join(directory, entry));
}
