import assert from 'node:assert/strict';
import {
  CreateGrantCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms';
import { createKey, type People, type Probe, present, refuses } from '../probe.ts';

const Plaintext = new Uint8Array([1, 2, 3]);

/** A key whose policy leaves it to identity policies, and says more. */
async function keyOf({ admin, user }: People, ...more: readonly object[]): Promise<string> {
  const root = user.arn.replace(/user\/.*$/, 'root');
  const enable = { Effect: 'Allow', Principal: { AWS: root }, Action: 'kms:*', Resource: '*' };
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [enable, ...more] });
  const { KeyMetadata } = await admin.client.send(new CreateKeyCommand({ Policy }));
  return present(KeyMetadata?.KeyId);
}

const about = (Effect: 'Allow' | 'Deny', arn: string, Action: string) => ({
  Effect,
  Principal: { AWS: arn },
  Action,
  Resource: '*',
});

export const policyProbes: readonly Probe[] = [
  {
    title: 'a key policy that denies goes before an identity policy that allows',
    async run(target) {
      const people = await target.people();
      const { admin, user } = people;
      const KeyId = await keyOf(people, about('Deny', admin.arn, 'kms:Encrypt'));
      await refuses('AccessDeniedException', admin.client.send(new EncryptCommand({ KeyId, Plaintext })));
      await admin.client.send(new DescribeKeyCommand({ KeyId }));
      await refuses('AccessDeniedException', user.client.send(new DescribeKeyCommand({ KeyId })));
    },
  },
  {
    title: 'a key policy allows a user whom no identity policy does, and only what it says',
    async run(target) {
      const people = await target.people();
      const { user } = people;
      const KeyId = await keyOf(people, about('Allow', user.arn, 'kms:Encrypt'));
      const { CiphertextBlob } = await user.client.send(new EncryptCommand({ KeyId, Plaintext }));
      await refuses('AccessDeniedException', user.client.send(new DecryptCommand({ CiphertextBlob })));
    },
  },
  {
    title: 'a grant allows its operations, for the encryption context of its constraints',
    async run(target) {
      const people = await target.people();
      const { admin, user } = people;
      const KeyId = await keyOf(people);
      const EncryptionContext = { team: 'a' };
      const grant = new CreateGrantCommand({
        KeyId,
        GranteePrincipal: user.arn,
        Operations: ['Encrypt'],
        Constraints: { EncryptionContextSubset: EncryptionContext },
      });
      const { GrantToken } = await admin.client.send(grant);
      const GrantTokens = [present(GrantToken)];
      const encrypt = new EncryptCommand({ KeyId, Plaintext, EncryptionContext, GrantTokens });
      const { CiphertextBlob } = await user.client.send(encrypt);
      assert.ok(CiphertextBlob);
      const other = new EncryptCommand({ ...encrypt.input, EncryptionContext: { team: 'b' } });
      await refuses('AccessDeniedException', user.client.send(other));
      const decrypt = new DecryptCommand({ CiphertextBlob, EncryptionContext, GrantTokens });
      await refuses('AccessDeniedException', user.client.send(decrypt));
    },
  },
  {
    title: 'a key policy that would lock everybody out is refused, unless that is asked for',
    async run(target) {
      const { user } = await target.people();
      const KeyId = await createKey(target);
      const statement = about('Allow', user.arn, 'kms:Encrypt');
      const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
      const put = new PutKeyPolicyCommand({ KeyId, Policy });
      await refuses('MalformedPolicyDocumentException', target.client.send(put));
      const insisting = new PutKeyPolicyCommand({ ...put.input, BypassPolicyLockoutSafetyCheck: true });
      await target.client.send(insisting);
    },
  },
];
