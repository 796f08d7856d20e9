import { createHash } from 'node:crypto';

/** A Lua script and how a client calls it. */
export class Script {
  /** Under this name ioredis knows it. */
  readonly name: string;
  readonly lua: string;
  readonly sha: string;
  /** Names of the client's methods: call by hash, call with the text, and ioredis's own that chooses between the two for each node. */
  readonly methods: { readonly evalsha: string; readonly eval: string; readonly own: string };
  /** Whether it has been sent in full; in a Cluster ioredis knows. */
  isLoaded = false;

  /** With `bytes`, string replies are Buffers. */
  constructor(name: string, lua: string, bytes = false) {
    const encoding = bytes ? 'Buffer' : '';
    this.name = name;
    this.lua = lua;
    this.sha = createHash('sha1').update(lua).digest('hex');
    this.methods = { evalsha: `evalsha${encoding}`, eval: `eval${encoding}`, own: `${name}${encoding}` };
  }
}
