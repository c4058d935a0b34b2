import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { createLocalKms, type ListeningKms } from '@holdfast/local-kms';
import { afterAll, beforeAll, expect } from 'vitest';
import { describeExamples } from '../../tools/vitest/example-programs.ts';

// Documents whose TypeScript blocks are whole programs. The page of a keyring is run by the test of that keyring.
const documents = ['packages/sdk/README.md', 'packages/keyrings/README.md'];

// Where an AWS SDK that is not told otherwise finds its region, its endpoint and its credentials.
const environment: Record<string, string> = {
  AWS_REGION: 'eu-north-1',
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'of no meaning here',
};
let kms: ListeningKms;

beforeAll(async () => {
  kms = await createLocalKms({ region: 'eu-north-1' }).listen();
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'of no meaning here' };
  const client = new KMSClient({ region: 'eu-north-1', endpoint: kms.url, credentials });
  const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
  client.destroy();
  environment['AWS_ENDPOINT_URL_KMS'] = kms.url;
  environment['KEY_ARN'] = KeyMetadata?.Arn ?? expect.unreachable();
});

afterAll(async () => {
  await kms.close();
});

for (const document of documents) describeExamples(document, () => environment);
