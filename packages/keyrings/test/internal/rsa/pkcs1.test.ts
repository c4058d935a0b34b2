import { constants, createPrivateKey, generateKeyPair, publicEncrypt } from 'node:crypto';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pkcs1Decryption } from '../../../src/internal/rsa/pkcs1.ts';
import { implicitRejection } from '../../fixtures/implicit-rejection.ts';

const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 1024 });
const decrypt = pkcs1Decryption(privateKey);
const encryptRaw = (padded: Uint8Array): Uint8Array =>
  publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, padded);

describe('decryption of PKCS #1 v1.5', () => {
  it('finds messages of all lengths and bytes', () => {
    const messages = fc.uint8Array({ maxLength: 128 - 11 });
    fc.assert(
      fc.property(messages, (message) => {
        const options = { key: publicKey, padding: constants.RSA_PKCS1_PADDING };
        expect(decrypt(publicEncrypt(options, message))).toEqual(message);
      }),
      { numRuns: 200 },
    );
  });

  it.each(implicitRejection.answers)('answers as OpenSSL does to $padding', ({ ciphertext, message }) => {
    const key = Buffer.from(implicitRejection.privateKey, 'base64');
    const decrypt = pkcs1Decryption(createPrivateKey({ key, format: 'der', type: 'pkcs8' }));
    expect(Buffer.from(decrypt(Buffer.from(ciphertext, 'base64')))).toEqual(Buffer.from(message, 'base64'));
  });

  it('answers a broken ciphertext with the same bytes every time, and others with others', () => {
    const broken = [1, 7, 9, 12].map((byte) => new Uint8Array(128).fill(byte, 1));
    const answers = broken.map(decrypt);
    expect(answers).toEqual(broken.map(pkcs1Decryption(privateKey)));
    // A few of many have no bytes.
    expect(new Set(answers.map(String)).size).toBeGreaterThan(1);
  });

  it('answers broken ciphertexts with every length that a message may have', () => {
    const lengths = new Set<number>();
    for (let i = 0; i < 2000; i++) {
      const block = new Uint8Array(128).fill(0xff, 2);
      new DataView(block.buffer).setUint16(100, i);
      lengths.add(decrypt(encryptRaw(block)).length);
    }
    expect([...lengths].every((length) => length < 128 - 10)).toBe(true);
    expect(lengths.size).toBeGreaterThan(110);
  });

  it('leaves the ciphertext alone', () => {
    const ciphertext = encryptRaw(new Uint8Array(128).fill(1, 1));
    const before = Uint8Array.from(ciphertext);
    decrypt(ciphertext);
    expect(Uint8Array.from(ciphertext)).toEqual(before);
  });
});
