/** A server that the tests need cannot be had on this machine. The message says what was looked for and what to do. */
export class ServerUnavailableError extends Error {
  override readonly name = 'ServerUnavailableError';
  readonly code = 'HEADGATE_TEST_SERVER_UNAVAILABLE';
}

/** A server was found but did not come up; the message carries the end of its log. */
export class ServerStartError extends Error {
  override readonly name = 'ServerStartError';
  readonly code = 'HEADGATE_TEST_SERVER_START';
}
