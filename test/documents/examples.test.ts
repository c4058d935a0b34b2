import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { createLocalKms, type ListeningKms } from '@holdfast/local-kms';
import { afterAll, beforeAll, expect } from 'vitest';
import { describeExamples } from '../../tools/vitest/example-programs.ts';
import { startS3Server } from './s3-server.ts';

// Documents whose TypeScript blocks are whole programs. The page of a keyring is run by the test of that keyring.
const documents = ['packages/sdk/README.md', 'packages/sdk/docs/examples.md', 'packages/keyrings/README.md'];

// Where an AWS SDK that is not told otherwise finds its region, its endpoint and its credentials.
const environment: Record<string, string> = {
  AWS_REGION: 'eu-north-1',
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'of no meaning here',
  // The server that stands in for Amazon S3 does not know their framing.
  AWS_REQUEST_CHECKSUM_CALCULATION: 'when_required',
};
let kms: ListeningKms;
let s3: Awaited<ReturnType<typeof startS3Server>>;

beforeAll(async () => {
  kms = await createLocalKms({ region: 'eu-north-1' }).listen();
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'of no meaning here' };
  const client = new KMSClient({ region: 'eu-north-1', endpoint: kms.url, credentials });
  const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
  client.destroy();
  s3 = await startS3Server();
  environment['AWS_ENDPOINT_URL_S3'] = s3.url;
  environment['AWS_ENDPOINT_URL_KMS'] = kms.url;
  environment['KEY_ARN'] = KeyMetadata?.Arn ?? expect.unreachable();
});

afterAll(async () => {
  await s3.close();
  await kms.close();
});

for (const document of documents) describeExamples(document, () => environment);
