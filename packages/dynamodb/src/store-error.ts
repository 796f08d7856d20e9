import { HeadgateError, StoreError, StoreFullError, StoreTimeoutError } from '@headgate/core';
import type { StoreErrorKind } from '@headgate/core';

/** Where a failure happened, for its message. */
export interface FailurePlace {
  readonly store: string;
  readonly table: string;
}

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const throttled: ReadonlySet<string> = new Set([
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
  'Throttling',
  'TooManyRequestsException',
]);
const refused: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'ExpiredTokenException',
  'IncompleteSignatureException',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'NotAuthorized',
  'UnrecognizedClientException',
]);
const unconnected: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
const disconnected: ReadonlySet<string> = new Set([...unconnected, 'ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/** Whether an attempt that failed so certainly changed nothing: the service refused it, or was never reached. */
export function changedNothing(error: unknown): boolean {
  const { $metadata, code = '' } = error as SdkError;
  const status = $metadata?.httpStatusCode ?? 0;
  return (status >= 400 && status < 500) || unconnected.has(code);
}

/** What a failed condition is called, alone and as one statement of a batch. */
export function isFailedCondition(error: unknown): boolean {
  return (error as SdkError | undefined)?.name === 'ConditionalCheckFailedException';
}

/** Whether a transaction had the item in hand: try again. */
export function isTransactionConflict(error: unknown): boolean {
  return (error as SdkError | undefined)?.name === 'TransactionConflictException';
}

/** What the SDK threw as a {@link StoreError} that says what to do about it. Errors of ours pass through. */
export function asStoreError(error: unknown, place: FailurePlace): Error {
  if (error instanceof HeadgateError) return error;
  const { name = 'Error', message = String(error), code = '', $metadata } = error as SdkError;
  const { store, table } = place;
  const failed = (kind: StoreErrorKind, text: string): StoreError =>
    new StoreError(text, { store, kind, cause: error });
  if (name === 'ResourceNotFoundException')
    return failed(
      'other',
      `DynamoDB has no table '${table}' in this account and region: create it with createTable({ client, table })`,
    );
  if (name === 'ValidationException') return invalidRequest(error, message, place);
  if (throttled.has(name)) return failed('throttled', `DynamoDB throttled table '${table}' (${name}): ${message}`);
  if (refused.has(name))
    return failed(
      'auth',
      `DynamoDB refused the credentials for table '${table}' (${name}): ${message}. The README lists the permissions needed`,
    );
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError')
    return failed('auth', `The AWS SDK found no credentials: configure them for the DynamoDBClient (${message})`);
  if (/region is missing/i.test(message))
    return failed('auth', 'The AWS SDK found no region: set AWS_REGION or give the DynamoDBClient one');
  // Before timeouts: the SDK calls a reset connection one, and keeps its code.
  if (disconnected.has(code) || disconnected.has(name) || /socket hang up/i.test(message))
    return failed('connection', `The connection to DynamoDB failed (${code || name}): ${message}`);
  if (name === 'TimeoutError' || code === 'ETIMEDOUT' || code === 'ESOCKETTIMEDOUT')
    return failed('timeout', `DynamoDB did not answer in the time the client allows: ${message}`);
  const status = $metadata?.httpStatusCode;
  return failed(
    'other',
    `DynamoDB failed on table '${table}' (${name}${status === undefined ? '' : `, HTTP ${status}`}): ${message}`,
  );
}

function invalidRequest(cause: unknown, message: string, { store, table }: FailurePlace): StoreError {
  if (/item size.*exceeded|exceeded the maximum allowed size/i.test(message))
    return new StoreFullError(`The item has reached DynamoDB's 400 kB: ${message}`, { store, cause });
  if (
    /key element|missing the key|required keys|type mismatch for key|does not have the specified index/i.test(message)
  )
    return new StoreError(
      `Table '${table}' does not have the keys and index of createTable({ client, table }): ${message}`,
      { store, kind: 'other', cause },
    );
  return new StoreError(`DynamoDB refused a request for table '${table}': ${message}`, { store, kind: 'other', cause });
}

/** The error of a call whose caller gave up before anything could be known. */
export function givenUp(place: FailurePlace, reason: unknown): StoreError {
  if (reason instanceof StoreError) return reason;
  return new StoreError('The caller gave up before DynamoDB answered', {
    store: place.store,
    kind: 'timeout',
    cause: reason,
  });
}

/** The error of a request that took longer than the store's `timeoutMs`. */
export function timedOut({ store, table }: FailurePlace, timeoutMs: number): StoreTimeoutError {
  return new StoreTimeoutError(`DynamoDB did not answer for table '${table}' within ${timeoutMs} ms`, {
    store,
    timeoutMs,
  });
}
