/** What we use of redlock 5, whose own types its `exports` hide. */
declare module 'redlock' {
  export default class Redlock {
    constructor(clients: readonly object[], settings: { readonly retryCount: number });
    acquire(resources: readonly string[], ttlMs: number): Promise<{ release(): Promise<unknown> }>;
  }
}
