import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { aesGcmKey } from '../src/crypto/node.ts';
import type { AesGcmKey } from '../src/crypto/provider.ts';
import { deriveMessageKeys } from '../src/derive.ts';
import { suiteById } from '../src/suites.ts';

/** Keys do not come out of their objects: compare what they seal. */
async function fingerprint(key: AesGcmKey): Promise<string> {
  const out = new Uint8Array(48);
  await key.seal(new Uint8Array(12), new Uint8Array(0), new Uint8Array(32), out);
  return createHash('sha256').update(out).digest('hex');
}

const hex = (id: number): Buffer => Buffer.from([id >> 8, id & 0xff]);

describe('message keys', () => {
  it.each([
    [0x0114, 'sha256', 32],
    [0x0146, 'sha256', 32],
    [0x0378, 'sha384', 48],
  ])('of suite %i come from HKDF over suite id and message id', async (id, hash, hashLength) => {
    const suite = suiteById(id);
    if (suite === undefined) throw new Error('no such suite');
    const dataKey = randomBytes(suite.dataKeyLength);
    const messageId = randomBytes(16);
    const expected = hkdfSync(
      hash,
      dataKey,
      Buffer.alloc(hashLength),
      Buffer.concat([hex(id), messageId]),
      dataKey.length,
    );
    const { contentKey, commitKey } = await deriveMessageKeys(suite, dataKey, messageId);
    expect(await fingerprint(contentKey)).toBe(await fingerprint(await aesGcmKey(new Uint8Array(expected))));
    expect(commitKey).toHaveLength(0);
  });

  it.each([0x0478, 0x0578])(
    'of suite %i are salted with the message id and commit to the data key',
    async (id) => {
      const suite = suiteById(id);
      if (suite === undefined) throw new Error('no such suite');
      const dataKey = randomBytes(32);
      const messageId = randomBytes(32);
      const label = Buffer.concat([hex(id), Buffer.from('DERIVEKEY')]);
      const { contentKey, commitKey } = await deriveMessageKeys(suite, dataKey, messageId);
      const expected = new Uint8Array(hkdfSync('sha512', dataKey, messageId, label, 32));
      expect(await fingerprint(contentKey)).toBe(await fingerprint(await aesGcmKey(expected)));
      expect(commitKey).toEqual(
        Uint8Array.from(Buffer.from(hkdfSync('sha512', dataKey, messageId, 'COMMITKEY', 32))),
      );
    },
  );

  it('of a suite without derivation are the data key', async () => {
    const suite = suiteById(0x0078);
    if (suite === undefined) throw new Error('no such suite');
    const dataKey = randomBytes(32);
    const { contentKey } = await deriveMessageKeys(suite, dataKey, randomBytes(16));
    expect(await fingerprint(contentKey)).toBe(await fingerprint(await aesGcmKey(dataKey)));
  });
});
