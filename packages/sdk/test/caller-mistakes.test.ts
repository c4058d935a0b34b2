import { describe, expect, it } from 'vitest';
import {
  cachingCmm,
  encryptionClient,
  iterate,
  localCache,
  requiredEncryptionContextCmm,
  stormTrackingCache,
  transformStream,
} from '../src/index.ts';
import { duplex } from '../src/node.ts';
import { defaultCmm } from '../src/spi.ts';
import { startFrameWorkers } from '../src/workers.ts';
import { memoryKeyring } from './fixtures/memory-keyring.ts';

const client = encryptionClient();
const keyring = memoryKeyring();
const plaintext = new Uint8Array(1);

/** Calls as JavaScript does: with any options, or none. */
function call(callee: (options: never) => unknown, options?: unknown): unknown {
  return Reflect.apply(callee, undefined, [options]);
}

const encryptor = (options: never): unknown => client.encryptor(options);
const encrypt = (options: never): unknown => client.encrypt(plaintext, options);

const workers = startFrameWorkers();
const workerEncryptor = (own: never): unknown => workers.encryptor(own, { keyring });
const workerDecryptor = (own: never): unknown => workers.decryptor(own, { keyring });
const fetch = (request: never): unknown => localCache({ capacity: 1 }).fetch(request);
const load = () => Promise.reject(new Error('not to be called'));
const use = () => true;

const decrypt = (options: never): unknown => client.decrypt(plaintext, options);
const reader = { ...defaultCmm(keyring), encryptionMaterials: undefined };
const promise = Promise.resolve(keyring);
const caching = { cache: localCache({ capacity: 1 }), ttlMs: 1000 };
const reserved = { keyring, requiredEncryptionContextKeys: ['a', 'aws-crypto-public-key'] };
const lone = { keyring, requiredEncryptionContextKeys: ['\ud800'] };

describe('a caller without types is told what is expected', () => {
  it.each<[string, () => unknown, string]>([
    ['localCache()', () => call(localCache), 'capacity: expected'],
    ['stormTrackingCache()', () => call(stormTrackingCache), 'capacity: expected'],
    ['cachingCmm()', () => call(cachingCmm), 'cache: expected'],
    ['requiredEncryptionContextCmm()', () => call(requiredEncryptionContextCmm), 'ContextKeys: expected'],
    ['a partition', () => call(cachingCmm, { ...caching, keyring, partitionId: 5 }), 'partitionId: expected'],
    ['a required key that is reserved', () => call(requiredEncryptionContextCmm, reserved), 'aws-crypto-'],
    ['a required key that is no Unicode', () => call(requiredEncryptionContextCmm, lone), 'Keys: expected'],
    ['a promise of a keyring', () => call(encryptor, { keyring: promise }), 'options: expected a keyring'],
    ['a keyring that is null', () => call(encryptor, { keyring: null }), 'options: expected'],
    ['a keyring that is none', () => call(cachingCmm, { ...caching, keyring: {} }), 'options: expected'],
    ['a promise to defaultCmm', () => call(defaultCmm, promise), 'keyring: expected'],
    ['a cmm that is null', () => call(encryptor, { cmm: null }), 'options: expected'],
    ['a promise of a cmm', () => call(cachingCmm, { ...caching, cmm: promise }), 'cmm: expected'],
    ['a cmm that cannot encrypt', () => call(encryptor, { cmm: reader }), 'cmm: expected'],
    ['workers without a client', () => call(workerDecryptor, undefined), 'client: expected'],
    ['a keyring for a client', () => call(workerEncryptor, keyring), 'client: expected'],
    [
      'a wrapped client',
      () => call(workerDecryptor, { ...client, maxEncryptedDataKeys: undefined }),
      'client: expected',
    ],
    ['times', () => call(stormTrackingCache, { capacity: 1, gracePeriodMs: 5000 }), 'inFlightTtlMs (10000)'],
    ['encryptionClient(null)', () => call(encryptionClient, null), 'options: expected'],
    ['encryptor()', () => call(encryptor), 'options: expected'],
    ['encryptor(null)', () => call(encryptor, null), 'options: expected'],
    ['decryptor()', () => call((options) => client.decryptor(options)), 'options: expected'],
    ['transformStream()', () => call(transformStream), 'transform: expected'],
    ['duplex({})', () => call(duplex, {}), 'transform: expected'],
    ['a signal', () => call(encryptor, { keyring, signal: 'x' }), 'signal: expected'],
    ['onHeader', () => call(encryptor, { keyring, onHeader: 1 }), 'onHeader: expected'],
    ['onProgress', () => call(encryptor, { keyring, onProgress: {} }), 'onProgress: expected'],
  ])('by %s', (_, wrong, expected) => {
    expect(wrong).toThrow(expected);
  });

  it.each<[string, () => unknown, string]>([
    ['encrypt()', () => call(encrypt), 'options: expected'],
    ['a promise of a keyring', () => call(encrypt, { keyring: promise }), 'options: expected a keyring'],
    ['a cmm that is null', () => call(encrypt, { cmm: null }), 'options: expected'],
    ['a promise of a keyring for decrypt', () => call(decrypt, { keyring: promise }), 'options: expected'],
    ['a cmm for decrypt that is null', () => call(decrypt, { cmm: null }), 'options: expected'],
    ['a time that is none', () => call(fetch, { id: 'a', ttlMs: NaN, load, use }), 'ttlMs: expected'],
    ['a time as text', () => call(fetch, { id: 'a', ttlMs: '60000', load, use }), 'ttlMs: expected'],
    ['decrypt(null)', () => call((options) => client.decrypt(plaintext, options), null), 'options: expected'],
    ['a signal', () => call(encrypt, { keyring, signal: 'x' }), 'signal: expected'],
    ['iterate()', () => call((transform) => iterate(transform, []).next()), 'transform: expected'],
  ])('by %s, which rejects', async (_, wrong, expected) => {
    await expect(wrong()).rejects.toThrow(expected);
  });
});
