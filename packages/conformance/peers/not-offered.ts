const prefix = 'not offered: ';

/** What a shim throws when a claim asks for something the peer never claimed to do. */
export class NotOffered extends Error {
  constructor(what: string) {
    super(prefix + what);
  }
}

/** What was not offered, if that is why a claim failed. */
export function notOffered(reason: string): string | undefined {
  return reason.startsWith(prefix) ? reason.slice(prefix.length) : undefined;
}
