// Encrypts and decrypts with a branch key, collects its garbage, waits, and then has its memory searched. Prints its
// messages in hex.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { branchKeyStore, dynamoDbStorage } from '@holdfast/keyrings/branch-key-store';
import { hierarchicalKeyring } from '@holdfast/keyrings/hierarchical';
import { encryptionClient } from '@holdfast/sdk';

const [keyArn = '', branchKeyId = '', rounds = '', ttlMs = '', waitMs = ''] = process.argv.slice(2);
const keyStore = branchKeyStore({
  storage: dynamoDbStorage({ client: new DynamoDBClient(), tableName: process.env['TABLE_NAME'] ?? '' }),
  kmsClient: new KMSClient(),
  kmsConfiguration: { kind: 'key', keyArn },
  logicalKeyStoreName: 'orders',
});
const keyring = hierarchicalKeyring({ keyStore, branchKeyId, ttlMs: Number(ttlMs) });
const client = encryptionClient();
const messages: string[] = [];
for (let round = 0; round < Number(rounds); round++) {
  const { message } = await client.encrypt(new Uint8Array(100), { keyring, suite: 0x0478 });
  await client.decrypt(message, { keyring });
  messages.push(Buffer.from(message).toString('hex'));
}
await new Promise((resolve) => setTimeout(resolve, Number(waitMs)));
for (let collections = 0; collections < 5; collections++) {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 20));
}
process.stdout.write(`${messages.join('\n')}\n\n`);
process.stdin.resume();
