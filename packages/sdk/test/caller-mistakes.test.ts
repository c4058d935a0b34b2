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

describe('a caller without types is told what is expected', () => {
  it.each<[string, () => unknown, string]>([
    ['localCache()', () => call(localCache), 'capacity: expected'],
    ['stormTrackingCache()', () => call(stormTrackingCache), 'capacity: expected'],
    ['cachingCmm()', () => call(cachingCmm), 'cache: expected'],
    ['requiredEncryptionContextCmm()', () => call(requiredEncryptionContextCmm), 'ContextKeys: expected'],
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
    ['decrypt(null)', () => call((options) => client.decrypt(plaintext, options), null), 'options: expected'],
    ['a signal', () => call(encrypt, { keyring, signal: 'x' }), 'signal: expected'],
    ['iterate()', () => call((transform) => iterate(transform, []).next()), 'transform: expected'],
  ])('by %s, which rejects', async (_, wrong, expected) => {
    await expect(wrong()).rejects.toThrow(expected);
  });
});
