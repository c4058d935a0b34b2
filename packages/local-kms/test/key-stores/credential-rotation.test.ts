import { EncryptCommand, UpdateCustomKeyStoreCommand } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { xksCredential } from '../../src/xks/credential.ts';
import { signXksRequest } from '../../src/xks/signature.ts';
import { CREDENTIAL, refusals, startKmsWithExternalKey } from '../fixtures/kms.ts';
import type { SeenRequest } from '../fixtures/proxy.ts';

test('a new credential takes the place of the old one while calls run, and none fails', async () => {
  const kms = await startKmsWithExternalKey();
  const { client, proxy, CustomKeyStoreId, KeyId } = kms;
  const credentials = [CREDENTIAL, credentialNumber(2), credentialNumber(3)];
  const signers = credentials.map(({ AccessKeyId, RawSecretAccessKey }) =>
    xksCredential(AccessKeyId, RawSecretAccessKey),
  );
  // A proxy takes both the old and the new one while they change.
  proxy.fault = (request) =>
    signers.some((signer) => isSignedBy(request, signer))
      ? undefined
      : { status: 401, body: { errorName: 'AuthenticationFailedException' } };
  const rotated = new AbortController();
  const encryptAlways = async (): Promise<readonly string[]> => {
    const names: string[] = [];
    while (!rotated.signal.aborted) {
      names.push(
        ...(await refusals([client.send(new EncryptCommand({ KeyId, Plaintext: new Uint8Array(1) }))])),
      );
    }
    return names;
  };
  const workers = Array.from({ length: 4 }, encryptAlways);
  for (const XksProxyAuthenticationCredential of credentials.slice(1)) {
    await client.send(
      new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, XksProxyAuthenticationCredential }),
    );
    await client.send(new EncryptCommand({ KeyId, Plaintext: new Uint8Array(1) }));
  }
  rotated.abort();
  const names = (await Promise.all(workers)).flat();
  expect(names.length).toBeGreaterThan(0);
  expect(new Set(names)).toEqual(new Set(['no exception']));
  const used = signers.map(
    (signer) => proxy.requests.filter((request) => isSignedBy(request, signer)).length,
  );
  expect(used.every((count) => count > 0)).toBe(true);
});

test('a credential that the proxy does not know changes nothing', async () => {
  const { client, proxy, CustomKeyStoreId, KeyId } = await startKmsWithExternalKey();
  const known = xksCredential(CREDENTIAL.AccessKeyId, CREDENTIAL.RawSecretAccessKey);
  proxy.fault = (request) =>
    isSignedBy(request, known)
      ? undefined
      : { status: 401, body: { errorName: 'AuthenticationFailedException' } };
  const XksProxyAuthenticationCredential = credentialNumber(2);
  expect(
    await refusals([
      client.send(new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, XksProxyAuthenticationCredential })),
      client.send(new EncryptCommand({ KeyId, Plaintext: new Uint8Array(1) })),
    ]),
  ).toEqual(['XksProxyIncorrectAuthenticationCredentialException', 'no exception']);
});

function credentialNumber(digit: number) {
  return { AccessKeyId: `${digit}`.repeat(20), RawSecretAccessKey: `${digit}`.repeat(64) };
}

function isSignedBy(
  { host, path, rawBody, date, authorization }: SeenRequest,
  credential: ReturnType<typeof xksCredential>,
): boolean {
  const [, y, mo, d, h, mi, s] = /^(....)(..)(..)T(..)(..)(..)Z$/.exec(date) ?? [];
  const now = new Date(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  const signed = signXksRequest({ host, path, body: rawBody }, credential, 'eu-north-1', now);
  return signed.authorization === authorization;
}
