import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dynamoDbStorage } from '../../../src/branch-key-store.ts';
import type { BranchKeyRecord } from '../../../src/internal/branch-keys/record.ts';
import { type DynamoDb, dynamoDbClient, startDynamoDb } from '../../fixtures/dynamodb.ts';
import { answering, type JsonServer, startJsonServer } from '../../fixtures/json-server.ts';
import { keyringError } from '../../fixtures/materials.ts';

let dynamoDb: DynamoDb;
/** Answers with errors that dynalite never has. */
let scripted: JsonServer;
let client: DynamoDBClient;

beforeAll(async () => {
  dynamoDb = await startDynamoDb();
  scripted = await startJsonServer(() => ({ status: 200, body: {} }));
  client = dynamoDbClient(scripted.url, 1);
});

afterAll(async () => {
  client.destroy();
  await scripted.close();
  await dynamoDb.close();
});

function record(branchKeyId: string, type: string, wrappedKey = Uint8Array.of(1)): BranchKeyRecord {
  return {
    attributes: { 'branch-key-id': branchKeyId, type, 'hierarchy-version': '1', 'aws-crypto-ec:a': '' },
    wrappedKey,
  };
}

describe('the storage in Amazon DynamoDB', () => {
  it('reads what it wrote', async () => {
    const storage = dynamoDbStorage(dynamoDb);
    const written = record('a', 'branch:ACTIVE');
    expect(await storage.create([written])).toBe(true);
    expect(await storage.read('a', 'branch:ACTIVE')).toEqual(written);
    expect(await storage.read('a', 'beacon:ACTIVE')).toBeUndefined();
    expect(await storage.read('b', 'branch:ACTIVE')).toBeUndefined();
  });

  it('reads what it wrote, whatever texts and bytes it is', async () => {
    const storage = dynamoDbStorage(dynamoDb);
    const text = fc.string({ unit: 'binary' }).filter((value) => !/\p{Surrogate}/u.test(value));
    const context = fc.dictionary(text, text).map(Object.entries<string>);
    let count = 0;
    await fc.assert(
      fc.asyncProperty(context, fc.uint8Array({ minLength: 1 }), async (pairs, wrappedKey) => {
        const { attributes } = record(`any ${(count += 1)}`, 'branch:ACTIVE');
        const custom = Object.fromEntries(pairs.map(([key, value]) => [`aws-crypto-ec:${key}`, value]));
        const written = { attributes: { ...attributes, ...custom }, wrappedKey };
        expect(await storage.create([written])).toBe(true);
        expect(await storage.read(`any ${count}`, 'branch:ACTIVE')).toEqual(written);
      }),
      { numRuns: 30 },
    );
  });

  it('writes all records of a new branch key or none', async () => {
    const storage = dynamoDbStorage(dynamoDb);
    expect(await storage.create([record('all', 'beacon:ACTIVE')])).toBe(true);
    const records = [
      record('all', 'branch:ACTIVE'),
      record('all', 'beacon:ACTIVE'),
      record('all', 'branch:version:1'),
    ];
    expect(await storage.create(records)).toBe(false);
    expect(await storage.read('all', 'branch:ACTIVE')).toBeUndefined();
    expect(await storage.read('all', 'branch:version:1')).toBeUndefined();
  });

  it('replaces an active record that is still the one that was read, and no other', async () => {
    const storage = dynamoDbStorage(dynamoDb);
    const first = record('change', 'branch:ACTIVE', Uint8Array.of(1));
    await storage.create([first, record('change', 'branch:version:1')]);
    const change = (number: number) => ({
      version: record('change', `branch:version:${number}`),
      active: record('change', 'branch:ACTIVE', Uint8Array.of(number)),
      replaced: first.wrappedKey,
    });
    // There is that version.
    expect(await storage.replaceActive(change(1))).toBe(false);
    expect(await storage.replaceActive(change(2))).toBe(true);
    // There is another active record by now.
    expect(await storage.replaceActive(change(3))).toBe(false);
    expect(await storage.read('change', 'branch:ACTIVE')).toEqual(change(2).active);
    expect(await storage.read('change', 'branch:version:3')).toBeUndefined();
    expect(await storage.replaceActive({ ...change(4), active: record('nobody', 'branch:ACTIVE') })).toBe(
      false,
    );
  });

  it('reads what is there now, not a moment ago', async () => {
    await dynamoDbStorage(dynamoDb).read('a', 'branch:ACTIVE');
    expect(dynamoDb.requests.at(-1)).toMatchObject({ operation: 'GetItem', body: { ConsistentRead: true } });
  });
});

describe('an error of Amazon DynamoDB', () => {
  const cancelled = (...codes: string[]) => ({
    __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
    Message: 'Transaction cancelled',
    CancellationReasons: codes.map((Code) => ({ Code })),
  });
  const named = (name: string) => ({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: name });

  const outages = {
    'a conflict with another transaction': [400, cancelled('None', 'TransactionConflict')],
    'a throttled item': [400, cancelled('ThrottlingError', 'None')],
    'an item beyond the provisioned throughput': [400, cancelled('ProvisionedThroughputExceeded')],
    'a transaction under way': [400, named('TransactionInProgressException')],
    throttling: [400, named('ThrottlingException')],
    'throughput exceeded': [400, named('ProvisionedThroughputExceededException')],
    'a fault of the server': [500, named('InternalServerError')],
    'a gateway in between': [502, '<html>bad gateway</html>'],
    'too many requests': [429, ''],
  } as const;
  for (const [outage, [status, body]] of Object.entries(outages)) {
    it(`is an outage: ${outage}`, async () => {
      scripted.fault(answering(status, body));
      const storage = dynamoDbStorage({ client, tableName: 'any' });
      const expected = { code: 'KEY_SERVICE_UNAVAILABLE', keyService: 'branch key store' };
      expect(await keyringError(storage.create([record('a', 'branch:ACTIVE')]))).toMatchObject(expected);
    });
  }

  const refusals = {
    'an item that is not valid': [400, cancelled('None', 'ValidationError')],
    'reasons left out': [400, { ...cancelled(), CancellationReasons: undefined }],
    'access denied': [400, named('AccessDeniedException')],
    'no such table': [400, named('ResourceNotFoundException')],
  } as const;
  for (const [refusal, [status, body]] of Object.entries(refusals)) {
    it(`is a refusal: ${refusal}`, async () => {
      scripted.fault(answering(status, body));
      const storage = dynamoDbStorage({ client, tableName: 'any' });
      const expected = { code: 'KEY_SERVICE_REFUSED', keyService: 'branch key store' };
      expect(await keyringError(storage.create([record('a', 'branch:ACTIVE')]))).toMatchObject(expected);
      expect(await keyringError(storage.read('a', 'branch:ACTIVE'))).toMatchObject(expected);
    });
  }

  it('is an invalid answer: no JSON', async () => {
    scripted.fault(answering(200, '<html>welcome</html>'));
    const storage = dynamoDbStorage({ client, tableName: 'any' });
    const expected = { code: 'KEY_SERVICE_ANSWER_INVALID', keyService: 'branch key store' };
    expect(await keyringError(storage.create([record('a', 'branch:ACTIVE')]))).toMatchObject(expected);
    expect(await keyringError(storage.read('a', 'branch:ACTIVE'))).toMatchObject(expected);
  });

  it('is an unmet condition, whatever is wrong with other items', async () => {
    scripted.fault(answering(400, cancelled('TransactionConflict', 'ConditionalCheckFailed')));
    const storage = dynamoDbStorage({ client, tableName: 'any' });
    expect(await storage.create([record('a', 'branch:ACTIVE')])).toBe(false);
  });
});
