import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { createLocalKms, type ListeningKms } from '@holdfast/local-kms';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

// Documents whose TypeScript blocks are whole programs; a text block right behind one is what it prints.
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

describe.each(documents)('%s', (file) => {
  const text = readFileSync(file, 'utf8');
  const examples = [...text.matchAll(/^```ts\n([^]*?)^```\n(?:\n```text\n([^]*?)^```$)?/gm)].map(
    ([, code = '', output = ''], index) => ({ title: `example ${index + 1}`, code, output }),
  );

  test('has examples', () => {
    expect(examples).not.toHaveLength(0);
  });

  test.each(examples)('$title runs and prints what the document says', async ({ code, output }) => {
    // Inside the repository, so that imports lead where they lead for a user.
    mkdirSync('node_modules/.cache', { recursive: true });
    const folder = mkdtempSync(join('node_modules/.cache', 'example-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'example.mts'), code);
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--no-warnings', '--conditions=@holdfast/source', '--import=tsx', 'example.mts'],
      { cwd: folder, env: { ...process.env, ...environment } },
    );
    expect(stdout).toBe(output);
  });
});
