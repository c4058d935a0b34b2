import { KmsKeyringNode } from '@aws-crypto/client-node';
import { CreateKeyCommand, KMS } from '@aws-sdk/client-kms';
import { awsKmsKeyring } from '@holdfast/keyrings/aws-kms';
import { createLocalKms, type ListeningKms } from '@holdfast/local-kms';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientNode } from './client-node.ts';
import { contexts, directions, expectExchange, sample } from './exchange.ts';
import { holdfast } from './holdfast.ts';
import { policyFor, suites } from './implementation.ts';

const region = 'eu-north-1';
let kms: ListeningKms;
let client: KMS;
let keyArns: string[];

beforeAll(async () => {
  kms = await createLocalKms({ region }).listen();
  client = new KMS({
    region,
    endpoint: kms.url,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'of no meaning here' },
  });
  keyArns = await Promise.all([newKey(), newKey(), newKey()]);
});

afterAll(async () => {
  client.destroy();
  await kms.close();
});

describe('with AWS KMS keys, either implementation opens what the other wrote', () => {
  for (const suite of suites) {
    it(`under a generator key, suite 0x${suite.toString(16).padStart(4, '0')}, whatever the context`, async () => {
      const [generatorKeyId] = keyArns;
      for (const { writer, reader } of kmsDirections({ generatorKeyId })) {
        for (const encryptionContext of Object.values(contexts)) {
          const options = { commitmentPolicy: policyFor(suite), suite, encryptionContext };
          await expectExchange(writer, reader, sample(5_000), options);
        }
      }
    });

    it(`under a generator key and a child key, suite 0x${suite.toString(16).padStart(4, '0')}`, async () => {
      const [generatorKeyId, ...keyIds] = keyArns;
      for (const { writer, reader } of kmsDirections({ generatorKeyId, keyIds })) {
        await expectExchange(writer, reader, sample(5_000), { commitmentPolicy: policyFor(suite), suite });
      }
    });
  }

  it('with the child key alone', async () => {
    const [generatorKeyId, ...keyIds] = keyArns;
    const writers = kmsDirections({ generatorKeyId, keyIds });
    const readers = kmsDirections({ keyIds });
    for (const [i, { writer }] of writers.entries()) {
      const reader = readers[i]?.reader ?? expect.unreachable();
      await expectExchange(writer, reader, sample(10), { commitmentPolicy: policyFor(0x0578) });
    }
  });

  it('and neither with another key', async () => {
    const [generatorKeyId, ...keyIds] = keyArns;
    const writers = kmsDirections({ generatorKeyId });
    const strangers = kmsDirections({ keyIds });
    for (const { writer } of writers) {
      const { message } = await writer.encrypt(sample(10), { commitmentPolicy: policyFor(0x0578) });
      for (const { reader } of strangers) {
        await expect(reader.decrypt(message, policyFor(0x0578))).rejects.toThrow(Error);
      }
    }
  });
});

interface KmsKeys {
  readonly generatorKeyId?: string | undefined;
  readonly keyIds?: string[];
}

function kmsDirections({ generatorKeyId, keyIds = [] }: KmsKeys): ReturnType<typeof directions> {
  const keys = { ...(generatorKeyId === undefined ? {} : { generatorKeyId }), keyIds };
  const ours = awsKmsKeyring({ client, ...keys });
  // @ts-expect-error its declarations were not written with exactOptionalPropertyTypes in mind
  const theirs = new KmsKeyringNode({ clientProvider: () => client, ...keys });
  return directions(holdfast(ours), clientNode(theirs));
}

async function newKey(): Promise<string> {
  const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
  return KeyMetadata?.Arn ?? expect.unreachable();
}
