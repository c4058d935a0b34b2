import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import {
  type KeyringNode,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
  RawRsaKeyringNode,
} from '@aws-crypto/client-node';
import { type Pkcs11KeyringOptions, pkcs11Keyring } from '@holdfast/keyrings/pkcs11';
import { openModule, type Pkcs11Module, type Token } from '@holdfast/pkcs11';
import {
  findModule,
  importAesKey,
  importRsaKey,
  type TemporaryToken,
  temporaryToken,
} from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { clientNode } from './client-node.ts';
import { contexts, directions, expectExchange, sample } from './exchange.ts';
import { holdfast } from './holdfast.ts';
import { policyFor, suites } from './implementation.ts';

const missing = findModule() === undefined;
const reason = missing ? ' (no PKCS#11 module: install SoftHSM2 or set PKCS11_MODULE)' : '';
const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
const names = { namespace: 'interop', name: 'Schlüssel 1' };

describe.skipIf(missing)(
  `with the key in a PKCS#11 token, either implementation opens what the other wrote${reason}`,
  () => {
    const aesKey = randomBytes(32);
    let temporary: TemporaryToken;
    let module: Pkcs11Module;
    let token: Token;
    beforeAll(() => {
      temporary = temporaryToken();
      importAesKey(temporary, { label: 'aes', value: aesKey });
      importRsaKey(temporary, { label: 'rsa', privateKey });
      module = openModule({ path: temporary.modulePath });
      token = module.openToken({ label: temporary.label, pin: temporary.pin });
    });
    afterAll(() => {
      module.close();
      temporary.dispose();
    });

    const expectExchanges = async (ours: Pkcs11KeyringOptions, theirs: () => KeyringNode): Promise<void> => {
      for (const suite of suites) {
        for (const { writer, reader } of directions(holdfast(pkcs11Keyring(ours)), clientNode(theirs()))) {
          for (const encryptionContext of Object.values(contexts)) {
            const options = { commitmentPolicy: policyFor(suite), suite, encryptionContext };
            await expectExchange(writer, reader, sample(5000), options);
          }
        }
      }
    };

    it('under an AES key, with every suite, whatever the context', async () => {
      const theirs = () =>
        new RawAesKeyringNode({
          keyNamespace: names.namespace,
          keyName: names.name,
          // It wipes the array that it is given.
          unencryptedMasterKey: Uint8Array.from(aesKey),
          wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
          utf8Sorting: true,
        });
      await expectExchanges({ ...names, key: token.aesKey({ label: 'aes' }) }, theirs);
    });

    it('under an RSA key, with every suite, whatever the context', async () => {
      const theirs = () =>
        new RawRsaKeyringNode({
          keyNamespace: names.namespace,
          keyName: names.name,
          rsaKey: {
            publicKey: publicKey.export({ format: 'pem', type: 'spki' }),
            privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }),
          },
          oaepHash: 'sha1',
        });
      await expectExchanges({ ...names, key: token.rsaKey({ label: 'rsa' }), padding: 'OAEP-SHA-1' }, theirs);
    });
  },
);
