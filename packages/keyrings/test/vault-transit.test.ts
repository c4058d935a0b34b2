import { contextBytes } from '@holdfast/sdk/spi';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { type VaultTransitKeyringOptions, vaultTransitKeyring } from '../src/vault-transit.ts';
import { describeHttpKeyring } from './contract/http-keyring.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import {
  answering,
  type JsonServer,
  lying,
  objectOf,
  startJsonServer,
  unreachableUrl,
} from './fixtures/json-server.ts';
import {
  decryptionMaterials,
  encryptionMaterials,
  keyringError,
  only,
  rootCauses,
} from './fixtures/materials.ts';
import { startVault, type VaultServer } from './fixtures/vault.ts';

let vault: VaultServer;
let bao: VaultServer;
let liar: JsonServer;
let unreachable: string;

beforeAll(async () => {
  vault = await startVault();
  bao = await startVault({ product: 'openbao', mountPath: 'team/transit', namespace: 'shop/orders' });
  const plaintext = Buffer.alloc(31, 1).toString('base64');
  liar = await startJsonServer(() => ({ status: 200, body: { data: { plaintext } } }));
  unreachable = await unreachableUrl();
});

afterAll(async () => {
  await vault.close();
  await bao.close();
  await liar.close();
});

/** A keyring for the key `orders` of the server of HashiCorp. */
function keyringOf(options: Partial<VaultTransitKeyringOptions> = {}) {
  return vaultTransitKeyring({
    address: vault.url,
    keyName: 'orders',
    token: async () => vault.token,
    ...options,
  });
}

/** A keyring for the key `orders` of OpenBao, which makes its data keys there. */
function baoKeyringOf(options: Partial<VaultTransitKeyringOptions> = {}) {
  return vaultTransitKeyring({
    address: `${bao.url}/`,
    keyName: 'orders',
    mountPath: 'team/transit',
    namespace: 'shop/orders',
    dataKeySource: 'transit',
    token: async () => bao.token,
    ...options,
  });
}

describeKeyringContract('a Vault transit keyring', {
  generating: keyringOf,
  stranger: () => keyringOf({ keyName: 'other' }),
  similar: () => ['orders2', 'order', 'Orders'].map((keyName) => keyringOf({ keyName })),
  outage: { keyService: 'Vault transit', keyring: () => keyringOf({ address: unreachable }) },
  lying: () => keyringOf({ address: liar.url }),
});

describeKeyringContract('a Vault transit keyring whose data keys come from OpenBao', {
  generating: baoKeyringOf,
  stranger: () => baoKeyringOf({ keyName: 'other' }),
  similar: () => [{ mountPath: 'transit' }, { namespace: 'shop' }].map(baoKeyringOf),
  outage: { keyService: 'Vault transit', keyring: () => baoKeyringOf({ address: unreachable }) },
  lying: () => baoKeyringOf({ address: liar.url }),
});

describeHttpKeyring('a Vault transit keyring', {
  keyService: 'Vault transit',
  server: () => vault,
  keyring: (options, address = vault.url) => keyringOf({ address, ...options }),
  token: () => vault.token,
  refusal: { body: { errors: ['1 error occurred:\n\t* permission denied'] }, reason: 'permission denied' },
});

describe('a Vault transit keyring', () => {
  it('sends the data key and the canonical context, and writes the ciphertext as the server has it', async () => {
    const before = vault.requests.length;
    const materials = encryptionMaterials();
    const { dataKey, encryptedDataKeys } = await keyringOf().onEncrypt(materials);
    const [request] = vault.requests.slice(before);
    expect(request).toMatchObject({ method: 'POST', path: '/v1/transit/encrypt/orders' });
    expect(request?.headers).toMatchObject({
      'x-vault-token': vault.token,
      'content-type': 'application/json',
    });
    const context = Buffer.from(contextBytes(materials.encryptionContext)).toString('base64');
    const plaintext = Buffer.from(dataKey ?? []).toString('base64');
    expect(request?.body).toEqual({ plaintext, associated_data: context });
    const { providerId, providerInfo, ciphertext } = only(encryptedDataKeys);
    expect(providerId).toBe('vault-transit');
    expect(text(providerInfo)).toBe('transit/keys/orders');
    expect(text(ciphertext)).toMatch(/^vault:v1:[\w+/=]+$/);

    await keyringOf().onDecrypt(decryptionMaterials(), encryptedDataKeys);
    expect(vault.requests.at(-1)).toMatchObject({
      path: '/v1/transit/decrypt/orders',
      body: { ciphertext: text(ciphertext), associated_data: context },
    });
  });

  it('names namespace and mount in the message, and the namespace in the request', async () => {
    const { encryptedDataKeys } = await baoKeyringOf().onEncrypt(encryptionMaterials());
    expect(text(only(encryptedDataKeys).providerInfo)).toBe('shop/orders/team/transit/keys/orders');
    expect(bao.requests.at(-1)?.headers['x-vault-namespace']).toBe('shop/orders');
    expect(bao.requests.at(-1)?.path).toMatch(/^\/v1\/team\/transit\//);
  });

  it('opens what older versions of the key wrapped, until the server disallows them', async () => {
    const rotating = keyringOf({ keyName: 'rotating' });
    vault.rotate('rotating');
    const first = await rotating.onEncrypt(encryptionMaterials());
    vault.rotate('rotating');
    const second = await rotating.onEncrypt(encryptionMaterials());
    expect(text(only(second.encryptedDataKeys).ciphertext)).toMatch(/^vault:v2:/);
    for (const { dataKey, encryptedDataKeys } of [first, second]) {
      const opened = await rotating.onDecrypt(decryptionMaterials(), encryptedDataKeys);
      expect(opened.dataKey).toEqual(dataKey);
    }
    vault.disallowVersionsBelow('rotating', 2);
    const error = await keyringError(rotating.onDecrypt(decryptionMaterials(), first.encryptedDataKeys));
    expect(rootCauses(error)).toEqual([{ status: 400, reason: 'disallowed by policy' }]);
  });

  it('opens nothing on another server that has a key of the same name', async () => {
    const other = await startVault();
    const { encryptedDataKeys } = await keyringOf().onEncrypt(encryptionMaterials());
    const keyring = keyringOf({ address: other.url, token: async () => other.token });
    const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(rootCauses(error)).toEqual([{ status: 400, reason: 'message authentication failed' }]);
    await other.close();
  });

  it.each([
    ['a sealed server', 503, 'is sealed', 'KEY_SERVICE_UNAVAILABLE'],
    ['a rate limit', 429, 'quota exceeded', 'KEY_SERVICE_UNAVAILABLE'],
    ['a server behind its cluster', 412, 'required index state not present', 'KEY_SERVICE_UNAVAILABLE'],
    ['a token that has ended', 403, 'invalid token', 'KEY_SERVICE_UNAVAILABLE'],
    ['a token that may not', 403, 'permission denied', 'KEY_SERVICE_REFUSED'],
    ['a key that is not there', 400, 'encryption key not found', 'KEY_SERVICE_REFUSED'],
    ['a mount that is not there', 404, 'no handler for route', 'KEY_SERVICE_REFUSED'],
    ['a key without associated data', 400, 'non-AEAD cipher suite', 'KEY_SERVICE_REFUSED'],
  ])('says of %s what the server says', async (_, status, reason, code) => {
    vault.fault(answering(status, { errors: ['first', `1 error occurred:\n\t* "orders": ${reason}: 42`] }));
    const error = await keyringError(keyringOf().onEncrypt(encryptionMaterials()));
    vault.fault();
    expect(error).toMatchObject({ code, cause: { status, reason } });
  });

  it.each([
    ['another key version than the ciphertext has', { key_version: 2 }],
    ['no key version', { key_version: undefined }],
    ['a ciphertext of another form', { ciphertext: 'vault:v1:' }],
    ['a ciphertext of version 0', { ciphertext: 'vault:v0:AAAA', key_version: 0 }],
    ['no ciphertext', { ciphertext: undefined }],
  ])('takes no answer with %s', async (_, changed) => {
    vault.fault(lying((body) => ({ ...body, data: { ...objectOf(body['data']), ...changed } })));
    const error = await keyringError(keyringOf().onEncrypt(encryptionMaterials()));
    vault.fault();
    expect(error).toMatchObject({ code: 'KEY_SERVICE_ANSWER_INVALID', keyService: 'Vault transit' });
  });

  it('takes no answer from a server that says it ignored the encryption context', async () => {
    const warnings = ['Endpoint ignored these unrecognized parameters: [associated_data]'];
    vault.fault(lying((body) => ({ ...body, warnings })));
    const error = await keyringError(keyringOf().onEncrypt(encryptionMaterials()));
    vault.fault(lying((body) => ({ ...body, warnings: ['the token expires soon'] })));
    const { encryptedDataKeys } = await keyringOf().onEncrypt(encryptionMaterials());
    vault.fault();
    expect(error.code).toBe('KEY_SERVICE_ANSWER_INVALID');
    expect(encryptedDataKeys).toHaveLength(1);
  });

  it('asks the server for no plaintext that is not of its form', async () => {
    const { encryptedDataKeys } = await keyringOf().onEncrypt(encryptionMaterials());
    const wrapped = only(encryptedDataKeys);
    const before = vault.requests.length;
    for (const form of [
      '',
      'vault:v1:',
      'vault:v1:A',
      'vault:v01:AAAA',
      ' vault:v1:AAAA',
      'vault:v1:AAAA\n',
      '{}',
    ]) {
      const ciphertext = new TextEncoder().encode(form);
      const error = await keyringError(
        keyringOf().onDecrypt(decryptionMaterials(), [{ ...wrapped, ciphertext }]),
      );
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    }
    expect(vault.requests).toHaveLength(before);
  });

  it('opens nothing of random bytes under its own name', async () => {
    const keyring = keyringOf();
    const { encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
    const prefixed = fc
      .uint8Array({ maxLength: 90 })
      .map((bytes) => new TextEncoder().encode(`vault:v1:${Buffer.from(bytes).toString('base64')}`));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 200 }), prefixed), async (ciphertext) => {
        const hostile = [{ ...only(encryptedDataKeys), ciphertext }];
        const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), hostile));
        expect(error.code).toBe('DATA_KEY_NOT_OPENED');
      }),
      { numRuns: 60 },
    );
  });

  it('cannot be made with names that could lead to another path', () => {
    for (const wrong of [
      { keyName: '' },
      { keyName: '..' },
      { keyName: 'a/b' },
      { keyName: 'a?b' },
      { mountPath: '' },
      { mountPath: '/transit' },
      { mountPath: 'a/../b' },
      { mountPath: 'a//b' },
      { namespace: '' },
      { namespace: 'a\r\nb' },
      { keyName: undefined },
      { mountPath: null },
    ]) {
      // @ts-expect-error some of it is nothing that the compiler lets pass
      expect(() => keyringOf(wrong)).toThrow(TypeError);
    }
  });
});

describe('a Vault transit keyring that has its data keys made by the server', () => {
  it('asks for one that is bound to the context, and sees that it opens', async () => {
    const before = bao.requests.length;
    const { dataKey } = await baoKeyringOf().onEncrypt(encryptionMaterials());
    const [made, opened, ...others] = bao.requests.slice(before);
    expect(made?.path).toBe('/v1/team/transit/datakey/plaintext/orders');
    expect(made?.body).toEqual({ bits: 256, associated_data: opened?.body['associated_data'] });
    expect(opened?.path).toBe('/v1/team/transit/decrypt/orders');
    expect(others).toEqual([]);
    expect(dataKey).toHaveLength(32);
  });

  it('makes a data key itself where the server has no such length, or it is given one', async () => {
    const before = bao.requests.length;
    await baoKeyringOf().onEncrypt(encryptionMaterials({ suite: 0x0146 }));
    await baoKeyringOf().onEncrypt({ ...encryptionMaterials(), dataKey: new Uint8Array(32).fill(1) });
    const paths = bao.requests.slice(before).map(({ path }) => path);
    expect(new Set(paths)).toEqual(new Set(['/v1/team/transit/encrypt/orders']));
  });

  it('takes none from HashiCorp Vault, which does not bind it to the context', async () => {
    const keyring = keyringOf({ dataKeySource: 'transit' });
    const error = await keyringError(keyring.onEncrypt(encryptionMaterials()));
    expect(error.code).toBe('KEY_SERVICE_ANSWER_INVALID');
    // Nor from one that keeps quiet about it: the data key would never open again.
    vault.fault(lying((body) => ({ ...body, warnings: null })));
    const quiet = await keyringError(keyring.onEncrypt(encryptionMaterials()));
    vault.fault();
    expect(quiet).toMatchObject({ code: 'KEY_SERVICE_ANSWER_INVALID', cause: { cause: { status: 400 } } });
  });

  it('says what the server does, where that has nothing to say about the data key it made', async () => {
    const refusals = [
      { status: 403, error: 'permission denied', code: 'KEY_SERVICE_REFUSED' },
      { status: 404, error: 'no handler for route', code: 'KEY_SERVICE_REFUSED' },
      { status: 503, error: 'Vault is sealed', code: 'KEY_SERVICE_UNAVAILABLE' },
    ];
    for (const { status, error: text, code } of refusals) {
      bao.fault((response, honest) => {
        const isDecrypt = !('ciphertext' in objectOf(honest.body['data']));
        const answer = isDecrypt ? { status, body: { errors: [text] } } : honest;
        answering(answer.status, answer.body)(response, honest);
      });
      const error = await keyringError(baoKeyringOf().onEncrypt(encryptionMaterials()));
      bao.fault();
      expect(error).toMatchObject({ code, cause: { status } });
    }
  });

  it('takes none of another length than it asked for, though the server opens it', async () => {
    const keyring = baoKeyringOf({
      fetch: (url, { body, ...init }) =>
        fetch(url, {
          ...init,
          body: typeof body === 'string' ? body.replace('"bits":256', '"bits":128') : null,
        }),
    });
    const error = await keyringError(keyring.onEncrypt(encryptionMaterials()));
    expect(error.code).toBe('KEY_SERVICE_ANSWER_INVALID');
  });

  it('takes none that is another than what was wrapped, or too short', async () => {
    const other = Buffer.alloc(32, 1).toString('base64');
    for (const plaintext of [other, other.slice(0, 20), '', undefined]) {
      bao.fault(
        lying((body) => {
          const data = objectOf(body['data']);
          return { ...body, data: 'ciphertext' in data ? { ...data, plaintext } : data };
        }),
      );
      const error = await keyringError(baoKeyringOf().onEncrypt(encryptionMaterials()));
      bao.fault();
      expect(error.code).toBe('KEY_SERVICE_ANSWER_INVALID');
    }
  });
});

describeExamples('packages/keyrings/docs/vault-transit.md', () => ({
  VAULT_ADDR: vault.url,
  VAULT_TOKEN: vault.token,
}));

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
