import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { callKeyService } from '../key-service.ts';
import { isText } from '../text.ts';
import { DYNAMODB_FAILURES, isUnmetCondition } from './dynamodb-failures.ts';
import { type BranchKeyRecord, invalidRecord } from './record.ts';
import type { BranchKeyStorage } from './storage.ts';

/** A table of Amazon DynamoDB. */
export interface DynamoDbTable {
  /** For the region of the table. Nothing is added to its configuration. */
  readonly client: DynamoDBClient;
  /** Name or ARN. */
  readonly tableName: string;
}

/**
 * Keeps branch keys in a table of Amazon DynamoDB, in the layout of the specification: every implementation of it
 * reads what another wrote. Reads are strongly consistent, writes are transactions: of a global table, both only within
 * one Region.
 *
 * @throws TypeError for a missing client or table name
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/branch-key-store.md#record-format
 * @example
 * const storage = dynamoDbStorage({ client: new DynamoDBClient(), tableName: 'branch-keys' });
 */
export function dynamoDbStorage({ client, tableName }: DynamoDbTable): BranchKeyStorage {
  if (typeof client?.send !== 'function') throw new TypeError('client: expected a DynamoDBClient');
  if (!isText(tableName)) throw new TypeError('tableName: expected a text');
  const put = (record: BranchKeyRecord, condition: Condition): TransactWriteItem => ({
    Put: { TableName: tableName, Item: itemOf(record), ...condition },
  });
  /** True once all items are there, false if a condition of one was not met. */
  const write = (items: TransactWriteItem[]): Promise<boolean> =>
    callKeyService(DYNAMODB_FAILURES, async () => {
      try {
        await client.send(new TransactWriteItemsCommand({ TransactItems: items }));
        return true;
      } catch (error) {
        if (isUnmetCondition(error)) return false;
        throw error;
      }
    });

  return {
    async read(branchKeyId, type) {
      const command = new GetItemCommand({
        TableName: tableName,
        Key: { 'branch-key-id': { S: branchKeyId }, type: { S: type } },
        // Otherwise a message could arrive before the version of the branch key that it was written with.
        ConsistentRead: true,
      });
      const { Item: item } = await callKeyService(DYNAMODB_FAILURES, () => client.send(command));
      return item && recordOf(item);
    },
    create: (records) => write(records.map((record) => put(record, IS_NEW))),
    replaceActive: ({ version, active, replaced }) =>
      write([put(version, IS_NEW), put(active, isStill(replaced))]),
  };
}

type Condition = Pick<
  NonNullable<TransactWriteItem['Put']>,
  'ConditionExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'
>;

function isStill(wrappedKey: Uint8Array): Condition {
  return {
    ConditionExpression: 'attribute_exists(#id) AND #enc = :replaced',
    ExpressionAttributeNames: { '#id': 'branch-key-id', '#enc': 'enc' },
    ExpressionAttributeValues: { ':replaced': { B: wrappedKey } },
  };
}

function itemOf({ attributes, wrappedKey }: BranchKeyRecord): Record<string, AttributeValue> {
  const texts = Object.entries(attributes).map(([name, value]): [string, AttributeValue] => [
    name,
    name === NUMBER_ATTRIBUTE ? { N: value } : { S: value },
  ]);
  return { ...Object.fromEntries(texts), enc: { B: wrappedKey } };
}

/** Any attribute may be part of what AWS KMS authenticates, so none may be left out. */
function recordOf(item: Record<string, AttributeValue>): BranchKeyRecord {
  const { enc, ...others } = item;
  if (enc?.B === undefined) throw invalidRecord('no enc');
  const attributes = Object.entries(others).map(([name, value]) => {
    const text = name === NUMBER_ATTRIBUTE ? value.N : value.S;
    if (text === undefined) throw invalidRecord('an attribute of another type');
    return [name, text] as const;
  });
  return { attributes: Object.fromEntries(attributes), wrappedKey: enc.B };
}

const NUMBER_ATTRIBUTE = 'hierarchy-version';
const IS_NEW: Condition = {
  ConditionExpression: 'attribute_not_exists(#id)',
  ExpressionAttributeNames: { '#id': 'branch-key-id' },
};
