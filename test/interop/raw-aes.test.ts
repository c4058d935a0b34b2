import { randomBytes } from 'node:crypto';
import {
  buildClient,
  CommitmentPolicy,
  type KeyringNode,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node';
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { encryptionClient, type Keyring } from '@holdfast/sdk';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientNode } from './client-node.ts';
import { contexts, directions, expectExchange, sample } from './exchange.ts';
import { holdfast } from './holdfast.ts';
import { commitmentPolicies, policyFor, suites } from './implementation.ts';

const wrappingSuites = {
  16: RawAesWrappingSuiteIdentifier.AES128_GCM_IV12_TAG16_NO_PADDING,
  24: RawAesWrappingSuiteIdentifier.AES192_GCM_IV12_TAG16_NO_PADDING,
  32: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
} as const;
const names = { namespace: 'interop', name: 'Schlüssel 1' };
const keyLengths = [16, 24, 32] as const;
type KeyLength = (typeof keyLengths)[number];

for (const keyLength of keyLengths) {
  for (const { title, writer, reader } of rawAesDirections(keyLength)) {
    describe(`${title} under a ${keyLength}-byte AES key`, () => {
      for (const suite of suites) {
        it(`with suite 0x${suite.toString(16).padStart(4, '0')}, whatever the context`, async () => {
          for (const encryptionContext of Object.values(contexts)) {
            const options = { commitmentPolicy: policyFor(suite), suite, encryptionContext };
            await expectExchange(writer, reader, sample(10_000), options);
          }
        });
      }
    });
  }
}

for (const { title, writer, reader } of rawAesDirections(32)) {
  describe(`${title} under an AES key`, () => {
    for (const suite of [0x0014, 0x0478, 0x0578] as const) {
      for (const frameLength of [1, 16, 4096, 65_536]) {
        it(`in frames of ${frameLength} bytes, suite 0x${suite.toString(16)}, at every size around a frame's`, async () => {
          // A hundred thousand frames of one byte would be most of what this file takes.
          const sizes = [0, 1, 4095, 4096, 4097, ...(frameLength < 16 ? [] : [100_000])];
          for (const size of sizes) {
            const options = { commitmentPolicy: policyFor(suite), suite, frameLength };
            await expectExchange(writer, reader, sample(size), options);
          }
        });
      }
    }

    it('whatever the context, drawn at random', async () => {
      const text = fc.string({ minLength: 1, maxLength: 12, unit: 'binary' });
      const context = fc.dictionary(text, text, { maxKeys: 8, noNullPrototype: true });
      await fc.assert(
        fc.asyncProperty(context, async (encryptionContext) => {
          const options = { commitmentPolicy: policyFor(0x0478), suite: 0x0478, encryptionContext } as const;
          await expectExchange(writer, reader, sample(10), options);
        }),
        { numRuns: 50 },
      );
    });
  });
}

describe('the two implementations agree', () => {
  const [ours, theirs] = [holdfast(oursOf(32)), clientNode(theirsOf(32))];

  for (const commitmentPolicy of commitmentPolicies) {
    it(`on the suite to write when none is asked for, under ${commitmentPolicy}`, async () => {
      const [our, their] = await Promise.all([
        ours.encrypt(sample(1), { commitmentPolicy }),
        theirs.encrypt(sample(1), { commitmentPolicy }),
      ]);
      expect(our.header.suite).toBe(their.header.suite);
      expect(our.header.frameLength).toBe(their.header.frameLength);
    });

    it(`on the suites that may be written and read under ${commitmentPolicy}`, async () => {
      for (const suite of suites) {
        const { message } = await ours.encrypt(sample(1), { commitmentPolicy: policyFor(suite), suite });
        const [weWrite, theyWrite, weRead, theyRead] = await Promise.all([
          isFulfilled(ours.encrypt(sample(1), { commitmentPolicy, suite })),
          isFulfilled(theirs.encrypt(sample(1), { commitmentPolicy, suite })),
          isFulfilled(ours.decrypt(message, commitmentPolicy)),
          isFulfilled(theirs.decrypt(message, commitmentPolicy)),
        ]);
        expect({ suite, write: weWrite, read: weRead }).toEqual({ suite, write: theyWrite, read: theyRead });
      }
    });
  }

  it('on refusing a message whose last byte is another', async () => {
    for (const suite of suites) {
      const { message } = await ours.encrypt(sample(10_000), { commitmentPolicy: policyFor(suite), suite });
      const changed = message.map((byte, i) => (i === message.length - 1 ? byte ^ 1 : byte));
      expect(await isFulfilled(ours.decrypt(changed, policyFor(suite)))).toBe(false);
      expect(await isFulfilled(theirs.decrypt(changed, policyFor(suite)))).toBe(false);
    }
  });
});

function rawAesDirections(keyLength: KeyLength): ReturnType<typeof directions> {
  return directions(holdfast(oursOf(keyLength)), clientNode(theirsOf(keyLength)));
}

function oursOf(keyLength: KeyLength): Keyring {
  return rawAesKeyring({ ...names, wrappingKey: wrappingKey(keyLength) });
}

function theirsOf(keyLength: KeyLength): KeyringNode {
  return new RawAesKeyringNode({
    keyNamespace: names.namespace,
    keyName: names.name,
    // It wipes the array that it is given.
    unencryptedMasterKey: wrappingKey(keyLength),
    wrappingSuite: wrappingSuites[keyLength],
    // Without it, it orders the context as people do.
    utf8Sorting: true,
  });
}

function wrappingKey(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i + 1);
}

async function isFulfilled(call: Promise<unknown>): Promise<boolean> {
  return call.then(
    () => true,
    () => false,
  );
}

describe('a message with the default options of the JavaScript SDK', () => {
  it('opens, with its context in locale order, for who asks for it', async () => {
    const wrappingKey = randomBytes(32);
    const names = { namespace: 'interop', name: 'locale' };
    const theirs = new RawAesKeyringNode({
      keyNamespace: names.namespace,
      keyName: names.name,
      unencryptedMasterKey: Uint8Array.from(wrappingKey),
      wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
    });
    const { encrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
    const encryptionContext = { a: '1', B: '2', é: '3' };
    const { result } = await encrypt(theirs, Buffer.from('plaintext'), { encryptionContext });

    const client = encryptionClient();
    const strict = rawAesKeyring({ ...names, wrappingKey });
    await expect(client.decrypt(result, { keyring: strict })).rejects.toMatchObject({
      code: 'DECRYPTION_FAILED',
    });
    const keyring = rawAesKeyring({ ...names, wrappingKey, acceptLocaleOrderedContexts: true });
    const { plaintext } = await client.decrypt(result, { keyring });
    expect(Buffer.from(plaintext).toString()).toBe('plaintext');
    // What it writes itself is in the order of the specification.
    const { message } = await client.encrypt(plaintext, { keyring, encryptionContext });
    await expect(client.decrypt(message, { keyring: strict })).resolves.toHaveProperty('plaintext');
  });
});
