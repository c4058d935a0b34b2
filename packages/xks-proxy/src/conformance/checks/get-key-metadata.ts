import assert from 'node:assert/strict';
import { assertSuccess, isDenied } from '../assertions.ts';
import { type Check, checks } from '../check.ts';
import type { XksClient } from '../client.ts';
import { requestMetadata } from '../request-metadata.ts';
import { NotRun, specialKey } from '../target.ts';

/** GetKeyMetadata. */
export const getKeyMetadataChecks: readonly Check[] = checks('GetKeyMetadata', {
  'tells type, usages and status of an enabled key': async (client) => {
    const { keySpec, keyUsage, keyStatus } = await keyMetadata(client, client.target.keys.enabled);
    assert.equal(keySpec, 'AES_256');
    assert.equal(keyStatus, 'ENABLED');
    assert.ok(keyUsage.includes('ENCRYPT') && keyUsage.includes('DECRYPT'), keyUsage.join());
  },
  'tells that a key is disabled': async (client) => {
    const { keySpec, keyStatus } = await keyMetadata(client, specialKey(client.target, 'disabled'));
    assert.equal(keySpec, 'AES_256');
    assert.equal(keyStatus, 'DISABLED');
  },
  'tells of a key that only encrypts': async (client) => {
    const { keyUsage } = await keyMetadata(client, specialKey(client.target, 'encryptOnly'));
    assert.deepEqual(ciphers(keyUsage), ['ENCRYPT']);
  },
  'tells of a key that only decrypts': async (client) => {
    const { keyUsage } = await keyMetadata(client, specialKey(client.target, 'decryptOnly'));
    assert.deepEqual(ciphers(keyUsage), ['DECRYPT']);
  },
  'accepts the kmsKeyArn that earlier versions sent': async ({ target, getKeyMetadata }) => {
    const metadata = requestMetadata('CreateKey', target.caller);
    const answer = await getKeyMetadata(target.keys.enabled, { requestMetadata: metadata });
    if (isDenied(answer)) throw new NotRun('needs a policy that allows CreateKey on a KMS key');
    assertSuccess(answer);
  },
});

async function keyMetadata(client: XksClient, externalKeyId: string) {
  const { keySpec, keyUsage, keyStatus } = assertSuccess(await client.getKeyMetadata(externalKeyId));
  assert.ok(Array.isArray(keyUsage) && keyUsage.length <= 10, 'keyUsage is no list of at most ten');
  const usages = keyUsage.filter((usage) => typeof usage === 'string');
  assert.equal(usages.length, keyUsage.length, 'keyUsage holds something that is no string');
  return { keySpec, keyUsage: usages, keyStatus };
}

function ciphers(usages: readonly string[]): readonly string[] {
  return usages.filter((usage) => usage === 'ENCRYPT' || usage === 'DECRYPT');
}
