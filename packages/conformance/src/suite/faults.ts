/**
 * Ways to hurt the store under test, each optional: a property that needs one which is not given is reported as skipped,
 * with that reason. They act on the server (or the connection to it) behind every store that `createStore` makes, so run
 * fault properties against a private server. Each resolves when the fault is in effect.
 */
export interface Faults {
  /** Ends the server at once, as SIGKILL does; it stays away until `restartStore`. */
  kill?(): Promise<void>;
  /** Freezes the server: connections stay open and nothing is answered until `resume`. */
  pause?(): Promise<void>;
  resume?(): Promise<void>;
  /** Kills the server if it runs and starts it again at the same address. Whether data survives is the store's to say. */
  restartStore?(): Promise<void>;
  /** Cuts every open connection; new ones are accepted. */
  dropConnections?(): Promise<void>;
  /** Lets nothing pass between clients and server, without closing anything, until `heal`. */
  blackhole?(): Promise<void>;
  /** Undoes `blackhole` and `dropReply`; harmless when there is nothing to undo. */
  heal?(): Promise<void>;
  /** The next request that changes data reaches the server, and its reply is lost. The promise resolves once armed; `lost` once it happened. */
  dropReply?(): Promise<{ readonly lost: Promise<unknown> }>;
  /** Shifts the wall clock of stores made from now on by `ms` (their processes', not the server's); 0 undoes it. */
  skewClock?(ms: number): Promise<void>;
  /** Loses all data, as a failover to an empty replica does; connections stay. */
  wipe?(): Promise<void>;
  /** Totals since the start: what clients sent and what changed data. Read before and after; never reset. */
  counters?(): Promise<FaultCounters> | FaultCounters;
}

/** Running totals for the budget properties. */
export interface FaultCounters {
  /** Requests sent to the server by the stores under test: a script call, a statement, an HTTP request is one each. */
  readonly requests: number;
  /** Commands or rows that changed data on the server; left out when they cannot be counted. */
  readonly writes?: number;
}

/** Name of one fault hook. */
export type FaultName = keyof Faults;
