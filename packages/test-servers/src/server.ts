/** What `restart` does with the data. */
export interface RestartOptions {
  /** Start without any data. A server that keeps its data in memory comes back empty in any case. Default `false`. */
  readonly empty?: boolean;
}

/** A real server that this process started and may torment. Listens on 127.0.0.1; dies with this process. */
export interface TestServer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** The processes of this server as of now, its main one first; empty while it is down. */
  readonly pids: readonly number[];
  /** Freezes every process of the server (SIGSTOP): connections stay open, nothing answers. */
  pause(): Promise<void>;
  /** Lets a paused server go on (SIGCONT). */
  resume(): Promise<void>;
  /** Ends every process of the server at once (SIGKILL), as a crash would. The data folder stays. */
  kill(): Promise<void>;
  /** Kills the server if it runs, and starts it again on the same port. Resolves when it answers. */
  restart(options?: RestartOptions): Promise<void>;
  /** Ends the server and removes its data. Harmless when repeated. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
