// Has its memory searched some time after messages with a branch key.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { branchKeyStore, dynamoDbStorage } from '@holdfast/keyrings/branch-key-store';
import { hierarchicalKeyring } from '@holdfast/keyrings/hierarchical';
import { printMessages } from './rounds.ts';

const [keyArn = '', branchKeyId = '', rounds = '', ttlMs = '', waitMs = ''] = process.argv.slice(2);
const keyStore = branchKeyStore({
  storage: dynamoDbStorage({ client: new DynamoDBClient(), tableName: process.env['TABLE_NAME'] ?? '' }),
  kmsClient: new KMSClient(),
  kmsConfiguration: { kind: 'key', keyArn },
  logicalKeyStoreName: 'orders',
});
const keyring = hierarchicalKeyring({ keyStore, branchKeyId, ttlMs: Number(ttlMs) });
await printMessages(keyring, { rounds: Number(rounds), waitMs: Number(waitMs) });
