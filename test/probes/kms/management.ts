import assert from 'node:assert/strict';
import {
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GetKeyLastUsageCommand,
  GetKeyPolicyCommand,
  ListAliasesCommand,
  ListGrantsCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  RevokeGrantCommand,
  TagResourceCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { createKey, type Probe, present, refuses } from '../probe.ts';

export const managementProbes: readonly Probe[] = [
  {
    title: 'a key is named by its id, its ARN, an alias or the ARN of that',
    async run({ client }) {
      const { KeyMetadata } = await client.send(new CreateKeyCommand());
      const { KeyId, Arn } = present(KeyMetadata);
      const AliasName = 'alias/probe/four-forms';
      await client.send(new CreateAliasCommand({ AliasName, TargetKeyId: KeyId }));
      const aliasArn = present(Arn).replace(/key\/.*$/, AliasName);
      for (const id of [KeyId, Arn, AliasName, aliasArn]) {
        const answer = await client.send(new EncryptCommand({ KeyId: id, Plaintext: new Uint8Array(1) }));
        assert.equal(answer.KeyId, Arn);
      }
    },
  },
  {
    title: 'names that begin with alias/aws/ are reserved',
    async run({ client }) {
      const TargetKeyId = await createKey({ client });
      const create = new CreateAliasCommand({ AliasName: 'alias/aws/probe', TargetKeyId });
      await refuses('InvalidAliasNameException', client.send(create));
    },
  },
  {
    title: 'an alias stays with keys of one type and usage',
    async run({ client }) {
      const AliasName = 'alias/probe-of-types';
      await client.send(new CreateAliasCommand({ AliasName, TargetKeyId: await createKey({ client }) }));
      const TargetKeyId = await createKey(
        { client },
        { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
      );
      await refuses('ValidationException', client.send(new UpdateAliasCommand({ AliasName, TargetKeyId })));
    },
  },
  {
    title: 'ListKeys sends as many keys as it is asked for, and every key once',
    async run({ client }) {
      await createKey({ client });
      await createKey({ client });
      const seen: (string | undefined)[] = [];
      let Marker: string | undefined;
      do {
        const page = await client.send(new ListKeysCommand({ Limit: 1, Marker }));
        assert.equal(page.Keys?.length, 1);
        seen.push(page.Keys[0]?.KeyId);
        Marker = page.NextMarker;
      } while (Marker !== undefined);
      assert.equal(new Set(seen).size, seen.length);
      assert.ok(seen.length >= 2);
    },
  },
  {
    title: 'a marker that no list returned is refused',
    async run({ client }) {
      await refuses('InvalidMarkerException', client.send(new ListKeysCommand({ Marker: 'elsewhere' })));
      await refuses('InvalidMarkerException', client.send(new ListAliasesCommand({ Marker: 'elsewhere' })));
    },
  },
  {
    title: 'a key and its alias that are not there are not found',
    async run({ client }) {
      for (const KeyId of ['alias/absent', '00000000-0000-4000-8000-000000000000']) {
        await refuses('NotFoundException', client.send(new DescribeKeyCommand({ KeyId })));
      }
      const wrong = new DescribeKeyCommand({ KeyId: 'arn:aws:s3:::bucket' });
      await refuses('InvalidArnException', client.send(wrong));
    },
  },
  {
    title: 'the last use of a key is known, and by which request',
    async run({ client }) {
      const KeyId = await createKey({ client });
      const unused = await client.send(new GetKeyLastUsageCommand({ KeyId }));
      assert.deepEqual(unused.KeyLastUsage, {});
      const used = await client.send(new EncryptCommand({ KeyId, Plaintext: new Uint8Array(1) }));
      const { KeyLastUsage } = await client.send(new GetKeyLastUsageCommand({ KeyId }));
      assert.equal(KeyLastUsage?.Operation, 'Encrypt');
      assert.equal(KeyLastUsage.KmsRequestId, used.$metadata.requestId);
    },
  },
  {
    title: 'tags are kept, and those of aws: refused',
    async run({ client }) {
      const KeyId = await createKey({ client }, { Tags: [{ TagKey: 'a', TagValue: 'b' }] });
      const { Tags } = await client.send(new ListResourceTagsCommand({ KeyId }));
      assert.deepEqual(Tags, [{ TagKey: 'a', TagValue: 'b' }]);
      const reserved = new TagResourceCommand({ KeyId, Tags: [{ TagKey: 'aws:a', TagValue: '' }] });
      await refuses('TagException', client.send(reserved));
    },
  },
  {
    title: 'a key policy is kept, and what is no policy refused',
    async run({ client }) {
      const KeyId = await createKey({ client });
      const { Policy } = await client.send(new GetKeyPolicyCommand({ KeyId }));
      assert.ok(present(Policy).includes(':root'));
      const put = new PutKeyPolicyCommand({ KeyId, Policy: '{"Statement":[{"Effect":"Allow"}]}' });
      await refuses('MalformedPolicyDocumentException', client.send(put));
    },
  },
  {
    title: 'a grant is listed, found again by its name, and revoked once',
    async run({ client }) {
      const KeyId = await createKey({ client });
      const GranteePrincipal = 'arn:aws:iam::123456789012:user/probe';
      const create = new CreateGrantCommand({
        KeyId,
        GranteePrincipal,
        Operations: ['Encrypt'],
        Name: 'probe',
      });
      const { GrantId } = await client.send(create);
      assert.equal((await client.send(create)).GrantId, GrantId);
      const { Grants } = await client.send(new ListGrantsCommand({ KeyId }));
      assert.deepEqual(
        Grants?.map((grant) => [grant.GrantId, grant.Operations]),
        [[GrantId, ['Encrypt']]],
      );
      const revoke = new RevokeGrantCommand({ KeyId, GrantId });
      await client.send(revoke);
      await refuses('InvalidGrantIdException', client.send(revoke));
    },
  },
  {
    title: 'a grant permits operations that its key has',
    async run({ client }) {
      const KeyId = await createKey({ client }, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
      const GranteePrincipal = 'arn:aws:iam::123456789012:user/probe';
      const create = new CreateGrantCommand({ KeyId, GranteePrincipal, Operations: ['GenerateDataKey'] });
      await refuses('ValidationException', client.send(create));
    },
  },
];
