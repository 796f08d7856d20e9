import { DynamoDBClient } from '@aws-sdk/client-dynamodb';

/**
 * The options of a store in a program: its arguments are an endpoint, a table and the name of the service.
 * @param {string[]} args
 * @returns {import('@headgate/dynamodb').DynamoStoreOptions}
 */
export function storeOptions([endpoint = '', table = '', service]) {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new DynamoDBClient({ endpoint, region: 'us-east-1', credentials });
  return { client, table, ...(service === 'dynalite' ? { emulator: 'dynalite' } : {}) };
}
