import type { EncryptedDataKey, Keyring } from '@holdfast/sdk/spi';
import { describe, expect, it } from 'vitest';
import { KeyringError } from '../src/internal/errors.ts';
import { multiKeyring } from '../src/multi.ts';
import { rawAesKeyring } from '../src/raw-aes.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, rootCauses } from './fixtures/materials.ts';

describeKeyringContract('a multi-keyring', {
  generating: () => multiKeyring({ generator: raw('a'), children: [raw('b'), raw('c')] }),
  wrapping: () => multiKeyring({ children: [raw('a'), raw('b')] }),
  stranger: () => multiKeyring({ generator: raw('d'), children: [raw('e')] }),
  // With the very keys, under longer names.
  similar: () => [multiKeyring({ generator: raw('ax'), children: [raw('bx'), raw('cx')] })],
});

describeKeyringContract('a multi-keyring of multi-keyrings', {
  generating: () =>
    multiKeyring({
      generator: multiKeyring({ generator: raw('a') }),
      children: [multiKeyring({ children: [raw('b'), raw('c')] }), multiKeyring({ children: [raw('d')] })],
    }),
  wrapping: () => multiKeyring({ children: [multiKeyring({ children: [raw('a')] })] }),
  stranger: () => multiKeyring({ generator: multiKeyring({ generator: raw('e') }) }),
});

describe('a multi-keyring', () => {
  it('wraps one data key with the generator and then with each child, in order', async () => {
    const keyring = multiKeyring({ generator: raw('a'), children: [raw('b'), raw('c')] });
    const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
    expect(encryptedDataKeys.map(({ providerId }) => providerId)).toEqual(['a', 'b', 'c']);
    for (const name of ['a', 'b', 'c']) {
      const opened = await raw(name).onDecrypt(decryptionMaterials(), encryptedDataKeys);
      expect(opened.dataKey).toEqual(dataKey);
    }
  });

  it('makes no message with a child that changes the data key, and wipes what it generated', async () => {
    const given: Uint8Array[] = [];
    const swapping: Keyring = {
      ...idle,
      async onEncrypt(materials) {
        if (materials.dataKey) given.push(materials.dataKey);
        return { ...materials, dataKey: new Uint8Array(32).fill(1) };
      },
    };
    const keyring = multiKeyring({ generator: raw('a'), children: [swapping] });
    const error = await keyringError(keyring.onEncrypt(encryptionMaterials()));
    expect(error.code).toBe('KEY_SERVICE_ANSWER_INVALID');
    expect(given).toEqual([new Uint8Array(32)]);

    const dataKey = new Uint8Array(32).fill(7);
    for (const children of [[swapping], [swapping, raw('a')], [raw('a'), swapping]]) {
      const adding = multiKeyring({ children }).onEncrypt({ ...encryptionMaterials(), dataKey });
      expect((await keyringError(adding)).code).toBe('KEY_SERVICE_ANSWER_INVALID');
      expect(dataKey).toEqual(new Uint8Array(32).fill(7));
    }
    const copying: Keyring = {
      ...idle,
      onEncrypt: ({ dataKey = expect.unreachable(), encryptedDataKeys, ...materials }) =>
        raw('b').onEncrypt({ ...materials, ...structuredClone({ dataKey, encryptedDataKeys }) }),
    };
    const { encryptedDataKeys } = await multiKeyring({
      generator: raw('a'),
      children: [copying, raw('c')],
    }).onEncrypt(encryptionMaterials());
    expect(encryptedDataKeys).toHaveLength(3);
  });

  it.each<[string, Appending]>([
    ['adds nothing', (_, before) => [...before]],
    ['keeps only its own', (added) => [added]],
    ['keeps only its own, and enough of them', (added) => [added, added, added]],
    ['forgets the last', (added, before) => [...before.slice(0, -1), added]],
    ['puts its own in front', (added, before) => [added, ...before]],
    ['changes a ciphertext', rewriting({ ciphertext: new Uint8Array(1) })],
    ['changes a provider info', rewriting({ providerInfo: new Uint8Array(1) })],
    ['changes a provider id', rewriting({ providerId: 'z' })],
  ])('makes no message with a child that %s, and wipes what it generated', async (_, answered) => {
    const given: Uint8Array[] = [];
    const losing: Keyring = {
      ...idle,
      async onEncrypt(materials) {
        if (materials.dataKey) given.push(materials.dataKey);
        const { encryptedDataKeys } = await raw('c').onEncrypt(materials);
        const encryptedDataKey = encryptedDataKeys.at(-1) ?? expect.unreachable();
        return { ...materials, encryptedDataKeys: answered(encryptedDataKey, materials.encryptedDataKeys) };
      },
    };
    const keyring = multiKeyring({ generator: raw('a'), children: [raw('b'), losing, raw('d')] });
    const error = await keyringError(keyring.onEncrypt(encryptionMaterials()));
    expect(error.code).toBe('KEY_SERVICE_ANSWER_INVALID');
    expect(given).toEqual([new Uint8Array(32)]);
  });

  it('makes no message with a generator that wraps nothing, and wipes what that generated', async () => {
    const dataKey = new Uint8Array(32).fill(7);
    const generator: Keyring = { ...idle, onEncrypt: async (materials) => ({ ...materials, dataKey }) };
    const keyring = multiKeyring({ generator, children: [raw('a')] });
    const error = await keyringError(keyring.onEncrypt(encryptionMaterials()));
    expect(error.code).toBe('KEY_SERVICE_ANSWER_INVALID');
    expect(dataKey).toEqual(new Uint8Array(32));
  });

  it('binds every data key to the context of the message, whatever one of its keyrings answers', async () => {
    const renaming = (name: string): Keyring => ({
      ...idle,
      onEncrypt: async (materials) => ({
        ...(await raw(name).onEncrypt(materials)),
        encryptionContext: { tenant: '43' },
      }),
    });
    const keyring = multiKeyring({ generator: renaming('a'), children: [renaming('b'), raw('c')] });
    const { encryptionContext, encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
    expect(encryptionContext).toEqual(encryptionMaterials().encryptionContext);
    for (const name of ['a', 'b', 'c']) {
      await raw(name).onDecrypt(decryptionMaterials(), encryptedDataKeys);
    }
  });

  it('opens with whichever of its keyrings can', async () => {
    const { dataKey, encryptedDataKeys } = await raw('c').onEncrypt(encryptionMaterials());
    const keyring = multiKeyring({ generator: raw('a'), children: [raw('b'), raw('c')] });
    const opened = await keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys);
    expect(opened.dataKey).toEqual(dataKey);
  });

  it('opens with the generator first, and asks nobody else once a data key is open', async () => {
    const asked: string[] = [];
    const keyring = multiKeyring({
      generator: noting('a', asked),
      children: [noting('b', asked), noting('c', asked)],
    });
    const { encryptedDataKeys } = await multiKeyring({ generator: raw('b'), children: [raw('c')] }).onEncrypt(
      encryptionMaterials(),
    );
    await keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys);
    expect(asked).toEqual(['a', 'b']);
  });

  it('rejects with the failure of every keyring when none can open', async () => {
    const { encryptedDataKeys } = await raw('d').onEncrypt(encryptionMaterials());
    const failure = new Error('no answer');
    const keyring = multiKeyring({ generator: raw('a'), children: [failing(failure), failing(failure)] });
    const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    expect(rootCauses(error)).toEqual([failure, failure]);
  });

  it('reports an outage when it cannot tell without the one that is out, at whatever depth that is', async () => {
    const { encryptedDataKeys } = await raw('d').onEncrypt(encryptionMaterials());
    const outage = new KeyringError('KEY_SERVICE_UNAVAILABLE', 'out', { keyService: 'PKCS#11 token' });
    const inner = multiKeyring({ children: [raw('b'), failing(outage)] });
    const keyring = multiKeyring({ generator: raw('a'), children: [inner, failing(new Error('refused'))] });
    const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', keyService: 'PKCS#11 token' });
    expect(rootCauses(error)).toHaveLength(2);
    const opened = await multiKeyring({ children: [keyring, raw('d')] }).onDecrypt(
      decryptionMaterials(),
      encryptedDataKeys,
    );
    expect(opened.dataKey).toHaveLength(32);
  });

  it('goes on to the next keyring when one answers without a data key', async () => {
    const { dataKey, encryptedDataKeys } = await raw('a').onEncrypt(encryptionMaterials());
    const keyring = multiKeyring({ children: [idle, raw('a')] });
    const opened = await keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys);
    expect(opened.dataKey).toEqual(dataKey);
  });

  it('encrypts only if every one of its keyrings does', async () => {
    const failure = new Error('no answer');
    for (const keyring of [
      multiKeyring({ generator: failing(failure), children: [raw('a')] }),
      multiKeyring({ generator: raw('a'), children: [raw('b'), failing(failure)] }),
    ]) {
      await expect(keyring.onEncrypt(encryptionMaterials())).rejects.toBe(failure);
    }
  });

  it('generates no data key for materials that have one', async () => {
    const keyring = multiKeyring({ generator: raw('a') });
    const materials = { ...encryptionMaterials(), dataKey: new Uint8Array(32) };
    const error = await keyringError(keyring.onEncrypt(materials));
    expect(error.code).toBe('DATA_KEY_ALREADY_SET');
  });

  it('needs a data key when it has no generator, or one that generates nothing', async () => {
    for (const keyring of [
      multiKeyring({ children: [raw('a')] }),
      multiKeyring({ generator: idle, children: [raw('a')] }),
    ]) {
      const error = await keyringError(keyring.onEncrypt(encryptionMaterials()));
      expect(error.code).toBe('DATA_KEY_MISSING');
    }
  });

  it('cannot be made of nothing', () => {
    expect(() => multiKeyring({})).toThrow(TypeError);
    expect(() => multiKeyring({ children: [] })).toThrow(TypeError);
  });

  it('is not changed by what becomes of the list it was given', async () => {
    const children = [raw('a')];
    const keyring = multiKeyring({ generator: raw('b'), children });
    children.push(raw('c'));
    const { encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
    expect(encryptedDataKeys).toHaveLength(2);
  });
});

/** A raw AES keyring whose namespace and key depend on `name`. */
function raw(name: string): Keyring {
  return rawAesKeyring({
    namespace: name,
    name: 'key',
    wrappingKey: new Uint8Array(32).fill(name.charCodeAt(0)),
  });
}

/** The same, noting its name in `asked` when it is to open something. */
function noting(name: string, asked: string[]): Keyring {
  return {
    ...raw(name),
    async onDecrypt(materials, encryptedDataKeys) {
      asked.push(name);
      return raw(name).onDecrypt(materials, encryptedDataKeys);
    },
  };
}

function failing(error: Error): Keyring {
  const fail = async (): Promise<never> => {
    throw error;
  };
  return { onEncrypt: fail, onDecrypt: fail };
}

/** What somebody makes of a new encrypted data key and those that are there. */
type Appending = (added: EncryptedDataKey, before: readonly EncryptedDataKey[]) => EncryptedDataKey[];

function rewriting(change: Partial<EncryptedDataKey>): Appending {
  return (added, before) => [...before.map((key) => ({ ...key, ...change })), added];
}

const idle: Keyring = {
  onEncrypt: async (materials) => materials,
  onDecrypt: async (materials) => materials,
};
