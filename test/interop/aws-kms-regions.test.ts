import {
  AwsKmsMrkAwareSymmetricDiscoveryKeyringNode,
  AwsKmsMrkAwareSymmetricKeyringNode,
  buildAwsKmsMrkAwareDiscoveryMultiKeyringNode,
  buildAwsKmsMrkAwareStrictMultiKeyringNode,
  KmsKeyringNode,
} from '@aws-crypto/client-node';
import { CreateKeyCommand, KMS, ReplicateKeyCommand } from '@aws-sdk/client-kms';
import { awsKmsKeyring } from '@holdfast/keyrings/aws-kms';
import { awsKmsDiscoveryKeyring } from '@holdfast/keyrings/aws-kms-discovery';
import { awsKmsMrkKeyring } from '@holdfast/keyrings/aws-kms-mrk';
import { awsKmsMrkDiscoveryKeyring } from '@holdfast/keyrings/aws-kms-mrk-discovery';
import { createLocalKms, type ListeningKms } from '@holdfast/local-kms';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientNode } from './client-node.ts';
import { contexts, expectExchange, sample } from './exchange.ts';
import { holdfast } from './holdfast.ts';
import { type Implementation, policyFor } from './implementation.ts';

const [north, west] = ['eu-north-1', 'us-west-2'];
const accountId = '111122223333';
const partition = 'aws';
const clients = new Map<string, KMS>();
let kms: ListeningKms;
let single: string;
let primary: string;
let replica: string;

beforeAll(async () => {
  kms = await createLocalKms({ region: north, accountId }).listen();
  const { KeyMetadata } = await clientIn(north).send(new CreateKeyCommand({}));
  single = KeyMetadata?.Arn ?? expect.unreachable();
  const created = await clientIn(north).send(new CreateKeyCommand({ MultiRegion: true }));
  primary = created.KeyMetadata?.Arn ?? expect.unreachable();
  const replicated = await clientIn(north).send(
    new ReplicateKeyCommand({ KeyId: primary, ReplicaRegion: west }),
  );
  replica = replicated.ReplicaKeyMetadata?.Arn ?? expect.unreachable();
});

afterAll(async () => {
  for (const client of clients.values()) client.destroy();
  await kms.close();
});

describe('discovery keyrings of either implementation open what the other wrote', () => {
  it('with a key of their region, in an account of their filter', async () => {
    const writers = [
      holdfast(awsKmsKeyring({ client: clientIn(north), generatorKeyId: single })),
      clientNode(new KmsKeyringNode({ clientProvider: theirClientIn, generatorKeyId: single })),
    ];
    const accounts = ['444455556666', accountId];
    const readers = [
      holdfast(
        awsKmsDiscoveryKeyring({
          client: clientIn(north),
          discoveryFilter: { partition, accountIds: accounts },
        }),
      ),
      holdfast(awsKmsDiscoveryKeyring({ client: clientIn, regions: [west, north] })),
      clientNode(
        new KmsKeyringNode({
          clientProvider: theirClientIn,
          discovery: true,
          discoveryFilter: { partition, accountIDs: accounts },
        }),
      ),
    ];
    await expectExchanges(writers, readers);
  });

  it('but not with a key of another account', async () => {
    const writer = holdfast(awsKmsKeyring({ client: clientIn(north), generatorKeyId: single }));
    const others = ['444455556666'];
    await expectRefusals(writer, [
      holdfast(
        awsKmsDiscoveryKeyring({
          client: clientIn(north),
          discoveryFilter: { partition, accountIds: others },
        }),
      ),
      clientNode(
        new KmsKeyringNode({
          clientProvider: theirClientIn,
          discovery: true,
          discoveryFilter: { partition, accountIDs: others },
        }),
      ),
    ]);
  });
});

describe('keyrings of either implementation for multi-Region keys open what the other wrote', () => {
  const writersIn = (region: string, keyArn: string): readonly Implementation[] => [
    holdfast(awsKmsMrkKeyring({ client: clientIn(region), generatorKeyId: keyArn })),
    clientNode(new AwsKmsMrkAwareSymmetricKeyringNode({ client: theirClientIn(region), keyId: keyArn })),
  ];

  it('in the same region and in another, with keys that are named', async () => {
    for (const [keyArn, region] of [
      [primary, north],
      [replica, west],
    ] as const) {
      await expectExchanges(writersIn(region, keyArn), [
        ...writersIn(north, primary),
        ...writersIn(west, replica),
      ]);
    }
  });

  it('by discovery in another region', async () => {
    const discoveryFilter = { partition, accountIds: [accountId], accountIDs: [accountId] };
    await expectExchanges(writersIn(north, primary), [
      holdfast(awsKmsMrkDiscoveryKeyring({ client: clientIn(west), discoveryFilter })),
      clientNode(
        new AwsKmsMrkAwareSymmetricDiscoveryKeyringNode({ client: theirClientIn(west), discoveryFilter }),
      ),
      holdfast(awsKmsMrkDiscoveryKeyring({ client: clientIn, regions: ['ap-south-1', west] })),
      clientNode(
        buildAwsKmsMrkAwareDiscoveryMultiKeyringNode({
          clientProvider: theirClientIn,
          regions: ['ap-south-1', west],
        }),
      ),
    ]);
  });

  it('with several keys in several regions', async () => {
    const keys = { generatorKeyId: replica, keyIds: [single] };
    await expectExchanges(
      [
        holdfast(awsKmsMrkKeyring({ client: clientIn, ...keys })),
        clientNode(buildAwsKmsMrkAwareStrictMultiKeyringNode({ clientProvider: theirClientIn, ...keys })),
      ],
      [
        ...writersIn(north, primary),
        ...writersIn(north, single),
        holdfast(awsKmsMrkKeyring({ client: clientIn, keyIds: [single] })),
        clientNode(
          buildAwsKmsMrkAwareStrictMultiKeyringNode({ clientProvider: theirClientIn, keyIds: [primary] }),
        ),
      ],
    );
  });

  it('but not with a key of one region in another', async () => {
    const writer = holdfast(awsKmsMrkKeyring({ client: clientIn(north), generatorKeyId: single }));
    await expectRefusals(writer, [
      ...writersIn(west, single.replace(north, west)),
      holdfast(awsKmsMrkDiscoveryKeyring({ client: clientIn(west) })),
      clientNode(new AwsKmsMrkAwareSymmetricDiscoveryKeyringNode({ client: theirClientIn(west) })),
    ]);
  });
});

async function expectExchanges(
  writers: readonly Implementation[],
  readers: readonly Implementation[],
): Promise<void> {
  for (const writer of writers) {
    for (const reader of readers) {
      for (const suite of [0x0178, 0x0578] as const) {
        const encryptionContext = contexts['other scripts'];
        const options = { commitmentPolicy: policyFor(suite), suite, encryptionContext };
        await expectExchange(writer, reader, sample(100), options);
      }
    }
  }
}

async function expectRefusals(writer: Implementation, readers: readonly Implementation[]): Promise<void> {
  const { message } = await writer.encrypt(sample(10), { commitmentPolicy: policyFor(0x0578) });
  for (const reader of readers) {
    await expect(reader.decrypt(message, policyFor(0x0578))).rejects.toThrow(Error);
  }
}

function clientIn(region: string): KMS {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'of no meaning here' };
  const client = clients.get(region) ?? new KMS({ region, endpoint: kms.url, credentials });
  clients.set(region, client);
  return client;
}

function theirClientIn(region: string): TheirClient {
  // @ts-expect-error its declarations were not written with exactOptionalPropertyTypes in mind
  return clientIn(region);
}

type TheirClient = ConstructorParameters<typeof AwsKmsMrkAwareSymmetricKeyringNode>[0]['client'];
