import { describe, expect, it } from 'vitest';
import { ecdhKeyring } from '../../../src/internal/ecdh/keyring.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, only } from '../../fixtures/materials.ts';

const parties = {
  curve: 'P-256',
  sender: new Uint8Array(33).fill(2),
  recipient: new Uint8Array(33).fill(3),
} as const;

/** A keyring, and every shared secret that its schema handed out. */
function watched(secret: number) {
  const handedOut: Uint8Array[] = [];
  const sharedSecret = async (): Promise<Uint8Array> => {
    const bytes = new Uint8Array(32).fill(secret);
    handedOut.push(bytes);
    return bytes;
  };
  const keyring = ecdhKeyring('raw-ecdh', {
    curve: 'P-256',
    agree: async () => ({ parties, sharedSecret: await sharedSecret() }),
    recover: { isParty: () => true, sharedSecret },
  });
  return { keyring, handedOut };
}

describe('the keyring of a key agreement', () => {
  it('wipes every shared secret, whether the data key opened or not', async () => {
    const [mine, other] = [watched(1), watched(2)];
    const { encryptedDataKeys } = await mine.keyring.onEncrypt(encryptionMaterials());
    await mine.keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys);
    const error = await keyringError(other.keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    expect([mine.handedOut.length, other.handedOut.length]).toEqual([2, 1]);
    for (const secret of [...mine.handedOut, ...other.handedOut]) expect(secret).toEqual(new Uint8Array(32));
  });

  it('leaves the data key of the caller alone where it cannot wrap it, and wipes the shared secret', async () => {
    const { keyring, handedOut } = watched(1);
    const dataKey = new Uint8Array(32).fill(7);
    const materials = { ...encryptionMaterials({ encryptionContext: { a: '\ud800' } }), dataKey };
    await expect(keyring.onEncrypt(materials)).rejects.toMatchObject({ code: 'ENCRYPTION_CONTEXT_INVALID' });
    expect(dataKey).toEqual(new Uint8Array(32).fill(7));
    expect(handedOut).toEqual([new Uint8Array(32)]);
  });

  it('asks for no shared secret where the parties are not its own', async () => {
    const { encryptedDataKeys } = await watched(1).keyring.onEncrypt(encryptionMaterials());
    const keyring = ecdhKeyring('aws-kms-ecdh', {
      curve: 'P-256',
      recover: { isParty: () => false, sharedSecret: () => expect.unreachable() },
    });
    const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(error.code).toBe('DATA_KEY_NOT_OPENED');
  });

  it('asks for no shared secret where the ciphertext has not the length of one', async () => {
    const { keyring, handedOut } = watched(1);
    const wrapped = only((await keyring.onEncrypt(encryptionMaterials())).encryptedDataKeys);
    const { ciphertext } = wrapped;
    for (const wrong of [new Uint8Array(0), ciphertext.subarray(1), Uint8Array.of(...ciphertext, 0)]) {
      const encryptedDataKeys = [{ ...wrapped, ciphertext: wrong }];
      const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys));
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    }
    const ofShorterKeys = decryptionMaterials({ suite: 0x0014 });
    expect((await keyringError(keyring.onDecrypt(ofShorterKeys, [wrapped]))).code).toBe(
      'DATA_KEY_NOT_OPENED',
    );
    expect(handedOut).toHaveLength(1);
  });
});
