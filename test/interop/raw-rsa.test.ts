import { constants, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { type KeyringNode, RawRsaKeyringNode } from '@aws-crypto/client-node';
import { type RsaPadding, rawRsaKeyring } from '@holdfast/keyrings/raw-rsa';
import type { Keyring } from '@holdfast/sdk';
import { describe, it } from 'vitest';
import { clientNode } from './client-node.ts';
import { contexts, directions, expectExchange, sample } from './exchange.ts';
import { holdfast } from './holdfast.ts';
import { policyFor, suites } from './implementation.ts';

const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
const names = { namespace: 'interop', name: 'Schlüssel 1' };
const oaep = constants.RSA_PKCS1_OAEP_PADDING;
const paddings = {
  'OAEP-SHA-1': { padding: oaep, oaepHash: 'sha1' },
  'OAEP-SHA-256': { padding: oaep, oaepHash: 'sha256' },
  'OAEP-SHA-384': { padding: oaep, oaepHash: 'sha384' },
  'OAEP-SHA-512': { padding: oaep, oaepHash: 'sha512' },
  'PKCS1-v1_5': { padding: constants.RSA_PKCS1_PADDING },
} as const satisfies Record<RsaPadding, unknown>;

for (const padding of ['OAEP-SHA-1', 'OAEP-SHA-256', 'OAEP-SHA-384', 'OAEP-SHA-512'] as const) {
  for (const { title, writer, reader } of directions(
    holdfast(oursOf(padding)),
    clientNode(theirsOf(padding)),
  )) {
    describe(`${title} under an RSA key with ${padding}`, () => {
      it('with every suite, whatever the context', async () => {
        for (const suite of suites) {
          for (const encryptionContext of Object.values(contexts)) {
            const options = { commitmentPolicy: policyFor(suite), suite, encryptionContext };
            await expectExchange(writer, reader, sample(1000), options);
          }
        }
      });
    });
  }
}

it('Holdfast opens what @aws-crypto/client-node wrote under an RSA key with PKCS1-v1_5', async () => {
  // On Node 20, the writer cannot read it.
  const [writer, reader] = [clientNode(theirsOf('PKCS1-v1_5')), holdfast(oursOf('PKCS1-v1_5'))];
  for (const suite of suites) {
    const options = { commitmentPolicy: policyFor(suite), suite, encryptionContext: contexts['mixed case'] };
    await expectExchange(writer, reader, sample(1000), options);
  }
});

function oursOf(padding: RsaPadding): Keyring {
  return rawRsaKeyring({ ...names, publicKey, privateKey, padding, unsafeLegacyEncryption: true });
}

function theirsOf(padding: RsaPadding): KeyringNode {
  return new RawRsaKeyringNode({
    keyNamespace: names.namespace,
    keyName: names.name,
    rsaKey: {
      publicKey: publicKey.export({ format: 'pem', type: 'spki' }),
      privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }),
    },
    ...paddings[padding],
  });
}
