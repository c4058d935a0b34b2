import { CreateKeyCommand, DescribeKeyCommand } from '@aws-sdk/client-kms';
import { tokenProtection } from '@holdfast/local-kms';
import { openModule } from '@holdfast/pkcs11';
import { type TemporaryToken, temporaryToken } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runKms, stateIn, temporaryFolder } from '../fixtures/state.ts';

const binding = Buffer.from('of the account');

describe('a key under a key in a token', () => {
  let token: TemporaryToken;
  const protectionBy = (changes: object = {}) =>
    tokenProtection({
      modulePath: token.modulePath,
      tokenLabel: token.label,
      pin: token.pin,
      keyLabel: 'local-kms',
      ...changes,
    });

  beforeAll(() => {
    token = temporaryToken();
    const module = openModule({ path: token.modulePath });
    const opened = module.openToken({ label: token.label, pin: token.pin });
    for (const label of ['local-kms', 'another']) opened.generateAesKey({ label });
    module.close();
  });
  afterAll(() => token.dispose());

  test.each(['modulePath', 'tokenLabel', 'pin', 'keyLabel'])('is not looked for without its %s', (name) => {
    for (const value of [undefined, 1234]) {
      expect(() => protectionBy({ [name]: value })).toThrow(new TypeError(`${name}: expected a string`));
    }
  });

  test('comes back with that key and what it is bound to, and with nothing else', async () => {
    const key = Buffer.alloc(32, 7);
    const wrapped = await protectionBy().wrap(key, binding);
    expect(Buffer.from(await protectionBy().unwrap(wrapped, binding))).toEqual(key);
    const wrong: unknown = expect.objectContaining({ code: 'SECRET_WRONG' });
    await expect(protectionBy().unwrap(wrapped, Buffer.from('of another'))).rejects.toEqual(wrong);
    await expect(protectionBy({ keyLabel: 'another' }).unwrap(wrapped, binding)).rejects.toEqual(wrong);
    const ofPassphrase = {
      type: 'passphrase',
      costLog2: 17,
      blockSize: 8,
      parallelization: 1,
      salt: binding,
      sealed: binding,
    } as const;
    await expect(protectionBy().unwrap(ofPassphrase, binding)).rejects.toEqual(wrong);
  });

  test.each([
    { keyLabel: 'no such key' },
    { tokenLabel: 'no such token' },
    { pin: '00000000' },
    { modulePath: '/x.so' },
  ])('cannot be had from what is not there: %o', async (changes) => {
    const unavailable = { code: 'TOKEN_UNAVAILABLE' };
    await expect(protectionBy(changes).wrap(Buffer.alloc(32), binding)).rejects.toMatchObject(unavailable);
  });

  test('keeps the state of a KMS', async () => {
    const state = { ...stateIn(temporaryFolder()), protection: protectionBy() };
    const first = await runKms({ state });
    const { KeyMetadata } = await first.client.send(new CreateKeyCommand({}));
    await first.stop();
    const second = await runKms({ state });
    const described = await second.client.send(new DescribeKeyCommand({ KeyId: KeyMetadata?.KeyId }));
    expect(described.KeyMetadata).toEqual(KeyMetadata);
    await second.stop();
  });
});
