import { constants, createPublicKey, publicEncrypt } from 'node:crypto';
import {
  DecryptCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GetPublicKeyCommand,
} from '@aws-sdk/client-kms';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { present, refusal, startKms } from '../fixtures/kms.ts';

const Plaintext = new Uint8Array([1, 2, 3]);

describe('Encrypt and Decrypt with a symmetric key', () => {
  test('undo each other for every plaintext and context', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey();
    const contexts = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), {
      maxKeys: 5,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        contexts,
        async (bytes, EncryptionContext) => {
          const { CiphertextBlob } = await client.send(
            new EncryptCommand({ KeyId, Plaintext: bytes, EncryptionContext }),
          );
          const opened = await client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
          expect(opened.Plaintext).toEqual(bytes);
        },
      ),
      { numRuns: 40 },
    );
  });

  test.each([
    [1, 'no exception'],
    [4096, 'no exception'],
    [4097, 'ValidationException'],
    [0, 'ValidationException'],
  ])('take %i bytes: %s', async (length, expected) => {
    const { client, createKey } = await startKms();
    const encrypt = new EncryptCommand({ KeyId: await createKey(), Plaintext: new Uint8Array(length) });
    expect(await refusal(client.send(encrypt))).toBe(expected);
  });

  test('make a short ciphertext that is never the same', async () => {
    const { client, createKey } = await startKms();
    const encrypt = new EncryptCommand({ KeyId: await createKey(), Plaintext: new Uint8Array(32) });
    const first = await client.send(encrypt);
    const second = await client.send(encrypt);
    expect(present(first.CiphertextBlob).length).toBeLessThanOrEqual(126);
    expect(first.CiphertextBlob).not.toEqual(second.CiphertextBlob);
  });

  test.each([
    [{}, { a: 'b' }],
    [{ a: 'b' }, {}],
    [{ a: 'b' }, { A: 'b' }],
    [{ a: 'b' }, { a: 'B' }],
    [{ a: 'bc' }, { ab: 'c' }],
    [{ a: 'b', c: 'd' }, { a: 'b' }],
    [{ '\u00e9': 'a' }, { 'e\u0301': 'a' }],
  ])('bind %j and not %j', async (EncryptionContext, other) => {
    const { client, createKey } = await startKms();
    const encrypt = new EncryptCommand({ KeyId: await createKey(), Plaintext, EncryptionContext });
    const { CiphertextBlob } = await client.send(encrypt);
    const decrypt = new DecryptCommand({ CiphertextBlob, EncryptionContext: other });
    expect(await refusal(client.send(decrypt))).toBe('InvalidCiphertextException');
  });

  test('bind a name that JavaScript objects treat in a way of their own', async () => {
    const { url, createKey } = await startKms();
    const KeyId = await createKey();
    const call = async (operation: string, body: string): Promise<string> => {
      const headers = { 'x-amz-target': `TrentService.${operation}` };
      return (await fetch(url, { method: 'POST', headers, body })).text();
    };
    const context = '"EncryptionContext":{"__proto__":"a"}';
    const encrypted = await call('Encrypt', `{"KeyId":"${KeyId}","Plaintext":"AQ==",${context}}`);
    const [, blob] = /"CiphertextBlob":"([^"]+)"/.exec(encrypted) ?? [];
    expect(await call('Decrypt', `{"CiphertextBlob":"${blob}"}`)).toContain('InvalidCiphertextException');
    expect(await call('Decrypt', `{"CiphertextBlob":"${blob}",${context}}`)).toContain('"Plaintext":"AQ=="');
  });

  test('refuse a context that has no UTF-8 form', async () => {
    const { url, createKey } = await startKms();
    const body = `{"KeyId":"${await createKey()}","Plaintext":"AQ==","EncryptionContext":{"a":"\\ud800"}}`;
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'x-amz-target': 'TrentService.Encrypt' },
      body,
    });
    expect(await answer.text()).toContain('"__type":"SerializationException"');
  });

  test('notice every changed bit', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey();
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext }));
    const blob = present(CiphertextBlob);
    const idAt = Buffer.from(blob).indexOf(KeyId);
    for (let position = 0; position < blob.length; position += 1) {
      const changed = Uint8Array.from(blob, (byte, i) =>
        i === position ? byte ^ (1 << (position % 8)) : byte,
      );
      const decrypt = new DecryptCommand({ CiphertextBlob: changed });
      // The id of a key is still one of some key, but for a bit that makes it no text.
      const isOfOtherKey = position >= idAt && position < idAt + KeyId.length && position % 8 !== 7;
      expect(await refusal(client.send(decrypt))).toBe(
        isOfOtherKey ? 'AccessDeniedException' : 'InvalidCiphertextException',
      );
    }
  });

  test('hold Decrypt to the key that it names', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey();
    const other = await createKey();
    const rsa = await createKey({ KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext }));
    const decrypt = (id: string) => refusal(client.send(new DecryptCommand({ CiphertextBlob, KeyId: id })));
    expect(await decrypt(KeyId)).toBe('no exception');
    expect(await decrypt(other)).toBe('IncorrectKeyException');
    expect(await decrypt(rsa)).toBe('InvalidKeyUsageException');
    expect(await decrypt('alias/nothing')).toBe('NotFoundException');
  });

  test('open nothing that another KMS made', async () => {
    const [one, two] = [await startKms(), await startKms()];
    const { CiphertextBlob } = await one.client.send(
      new EncryptCommand({ KeyId: await one.createKey(), Plaintext }),
    );
    const decrypt = new DecryptCommand({ CiphertextBlob });
    expect(await refusal(two.client.send(decrypt))).toBe('AccessDeniedException');
    const named = new DecryptCommand({ CiphertextBlob, KeyId: await two.createKey() });
    expect(await refusal(two.client.send(named))).toBe('IncorrectKeyException');
  });

  test('rest while the key is disabled', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey();
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext }));
    await client.send(new DisableKeyCommand({ KeyId }));
    expect(await refusal(client.send(new EncryptCommand({ KeyId, Plaintext })))).toBe('DisabledException');
    expect(await refusal(client.send(new DecryptCommand({ CiphertextBlob })))).toBe('DisabledException');
    await client.send(new EnableKeyCommand({ KeyId }));
    expect(await refusal(client.send(new DecryptCommand({ CiphertextBlob })))).toBe('no exception');
  });

  test('check everything and do nothing in a dry run', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey();
    const other = await createKey();
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext }));
    const dry = { DryRun: true };
    expect(await refusal(client.send(new EncryptCommand({ KeyId, Plaintext, ...dry })))).toBe(
      'DryRunOperationException',
    );
    expect(await refusal(client.send(new DecryptCommand({ CiphertextBlob, ...dry })))).toBe(
      'DryRunOperationException',
    );
    const wrongKey = new DecryptCommand({ CiphertextBlob, KeyId: other, ...dry });
    expect(await refusal(client.send(wrongKey))).toBe('IncorrectKeyException');
  });

  test('refuse what they do not implement rather than pass over it', async () => {
    const { client, createKey } = await startKms();
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId: await createKey(), Plaintext }));
    const Recipient = { AttestationDocument: new Uint8Array(1) };
    expect(await refusal(client.send(new DecryptCommand({ CiphertextBlob, Recipient })))).toBe(
      'UnsupportedOperationException',
    );
  });

  test('take at most ten grant tokens', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey();
    const encrypt = (count: number) =>
      refusal(client.send(new EncryptCommand({ KeyId, Plaintext, GrantTokens: Array(count).fill('token') })));
    expect(await encrypt(10)).toBe('no exception');
    expect(await encrypt(11)).toBe('ValidationException');
  });
});

describe('Encrypt and Decrypt with an RSA key', () => {
  const rsa = { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' } as const;

  test.each([
    ['RSAES_OAEP_SHA_1', 214],
    ['RSAES_OAEP_SHA_256', 190],
  ] as const)('undo each other with %s, up to %i bytes', async (EncryptionAlgorithm, maxBytes) => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey(rsa);
    const longest = new Uint8Array(maxBytes).fill(1);
    const encrypt = (bytes: Uint8Array, DryRun = false) =>
      client.send(new EncryptCommand({ KeyId, EncryptionAlgorithm, Plaintext: bytes, DryRun }));
    const { CiphertextBlob } = await encrypt(longest);
    expect(CiphertextBlob).toHaveLength(256);
    const opened = await client.send(new DecryptCommand({ KeyId, EncryptionAlgorithm, CiphertextBlob }));
    expect(opened.Plaintext).toEqual(longest);
    expect(await refusal(encrypt(longest, true))).toBe('DryRunOperationException');
    for (const isDry of [false, true]) {
      expect(await refusal(encrypt(new Uint8Array(maxBytes + 1), isDry))).toBe('ValidationException');
    }
  });

  test('open what the holder of the public key encrypted elsewhere', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey(rsa);
    const { PublicKey } = await client.send(new GetPublicKeyCommand({ KeyId }));
    const key = createPublicKey({ key: Buffer.from(present(PublicKey)), format: 'der', type: 'spki' });
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const CiphertextBlob = publicEncrypt({ key, padding, oaepHash: 'sha256' }, Plaintext);
    const opened = await client.send(
      new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }),
    );
    expect(opened.Plaintext).toEqual(Plaintext);
  });

  test.each([
    [{ EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' as const }, 'InvalidCiphertextException'],
    [{ CiphertextBlob: new Uint8Array(256) }, 'InvalidCiphertextException'],
    [{ CiphertextBlob: new Uint8Array(255) }, 'InvalidCiphertextException'],
    [{ KeyId: undefined }, 'ValidationException'],
    [{ EncryptionAlgorithm: undefined }, 'InvalidKeyUsageException'],
    [{ EncryptionContext: { a: 'b' } }, 'ValidationException'],
  ])('refuse the change %j to a request with %s', async (change, expected) => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey(rsa);
    const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256';
    const { CiphertextBlob } = await client.send(
      new EncryptCommand({ KeyId, EncryptionAlgorithm, Plaintext }),
    );
    const decrypt = new DecryptCommand({ KeyId, EncryptionAlgorithm, CiphertextBlob, ...change });
    expect(await refusal(client.send(decrypt))).toBe(expected);
  });

  test('refuse keys that do not have the algorithm or the usage', async () => {
    const { client, createKey } = await startKms();
    const symmetric = await createKey();
    const agreement = await createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' });
    const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256';
    for (const input of [{ KeyId: symmetric, EncryptionAlgorithm }, { KeyId: agreement }] as const) {
      const encrypt = new EncryptCommand({ ...input, Plaintext });
      expect(await refusal(client.send(encrypt))).toBe('InvalidKeyUsageException');
    }
  });
});
