import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { createAccount } from '../../src/account.ts';
import { createApp } from '../../src/app.ts';
import { arnScope } from '../../src/arn.ts';
import { movableClock } from '../../src/clock.ts';
import { startHttpServer } from '../../src/http-server.ts';
import { type Authentication, noAuthentication } from '../../src/identity/authentication.ts';
import { idSource } from '../../src/ids.ts';
import { KmsException } from '../../src/kms-exception.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import type { Access } from '../../src/policy/access.ts';
import { createRecords } from '../../src/state/records.ts';
import { createXksTransport } from '../../src/xks/transport.ts';

const answerSchema = z.looseObject({ __type: z.string().optional() });
const keySchema = z.object({ KeyId: z.string(), Arn: z.string() });

const SCOPE = arnScope('eu-north-1', '111122223333');

/** A KMS behind a gate that stays open until it is closed. */
async function startWithGate(authenticate: Authentication = noAuthentication(SCOPE)) {
  const accesses: Access[] = [];
  let closed = false;
  const transport = createXksTransport({ hosts: {}, certificateAuthorities: undefined, timeoutMs: 100 });
  const log = () => undefined;
  const account = createAccount({
    accountId: SCOPE.accountId,
    clock: movableClock(),
    ids: idSource('access'),
    records: createRecords(),
    transport,
    xksHealthIntervalMs: 300_000,
    log,
  });
  const app = createApp({
    account: () => account,
    scope: SCOPE,
    log,
    authenticate,
    audit: log,
    flush: async () => undefined,
    gate(access) {
      accesses.push(access);
      if (closed) throw new KmsException('AccessDeniedException', 'The gate is closed.');
    },
  });
  const server = await startHttpServer({ host: '127.0.0.1', port: 0, fetch: app.fetch, onError: log });
  onTestFinished(async () => {
    await server.close();
    transport.close();
  });
  const call = async (operation: string, input: object, more: Readonly<Record<string, string>> = {}) => {
    const headers = { 'x-amz-target': `TrentService.${operation}`, ...more };
    const answer = await fetch(server.url, { method: 'POST', headers, body: JSON.stringify(input) });
    return answerSchema.parse(await answer.json());
  };
  const createKey = async () => keySchema.parse((await call('CreateKey', {})).KeyMetadata);
  return {
    call,
    createKey,
    accesses,
    account,
    close: () => {
      closed = true;
    },
  };
}

describe('the gate', () => {
  test('is passed by every operation before it has an effect', async () => {
    const { call, createKey, close } = await startWithGate();
    const { KeyId } = await createKey();
    await call('CreateAlias', { AliasName: 'alias/a', TargetKeyId: KeyId });
    const granteePrincipal = 'arn:aws:iam::111122223333:user/a';
    const grant = { KeyId, GranteePrincipal: granteePrincipal, Operations: ['Encrypt'] };
    const { GrantId } = await call('CreateGrant', grant);
    const { CiphertextBlob } = await call('Encrypt', { KeyId, Plaintext: 'AAAA' });
    close();
    // Members that an operation does not have are ignored, so that one input does for nearly all.
    const everything = {
      ...grant,
      GrantId,
      AliasName: 'alias/a',
      TargetKeyId: KeyId,
      DestinationKeyId: KeyId,
      RetiringPrincipal: granteePrincipal,
      CiphertextBlob,
      Plaintext: 'AAAA',
      Message: 'AAAA',
      Mac: 'AAAA',
      Signature: 'AAAA',
      PublicKey: 'AAAA',
      ImportToken: 'AAAA',
      EncryptedKeyMaterial: 'AAAA',
      SigningAlgorithm: 'ECDSA_SHA_256',
      MacAlgorithm: 'HMAC_SHA_256',
      KeyAgreementAlgorithm: 'ECDH',
      EncapsulationAlgorithm: 'ML_KEM',
      SharedSecretCiphertextBlob: 'AAAA',
      WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
      WrappingKeySpec: 'RSA_2048',
      KeyPairSpec: 'ECC_NIST_P256',
      NumberOfBytes: 16,
      Description: '',
      Policy: '{}',
      Tags: [],
      TagKeys: [],
      ReplicaRegion: 'us-west-2',
      PrimaryRegion: 'us-west-2',
      CustomKeyStoreId: 'cks-1',
      CustomKeyStoreName: 'a',
    };
    const answers = new Map<string, unknown>();
    for (const name of OPERATIONS.keys()) answers.set(name, (await call(name, everything)).__type);
    expect(answers.size).toBeGreaterThan(45);
    expect([...answers].filter(([, type]) => type !== 'AccessDeniedException')).toEqual([]);
  });

  test('hears who asks for what on what', async () => {
    const { call, createKey, accesses } = await startWithGate();
    const { KeyId, Arn } = await createKey();
    await call('CreateAlias', { AliasName: 'alias/a', TargetKeyId: KeyId });
    const { CiphertextBlob } = await call('Encrypt', { KeyId: 'alias/a', Plaintext: 'AAAA' });
    await call('ReEncrypt', { CiphertextBlob, DestinationKeyId: KeyId });
    await call('DeleteAlias', { AliasName: 'alias/a' });
    const alias = 'arn:aws:kms:eu-north-1:111122223333:alias/a';
    expect(accesses.map(({ action, resource }) => [action, resource])).toEqual([
      ['kms:CreateKey', '*'],
      ['kms:CreateAlias', alias],
      ['kms:CreateAlias', Arn],
      ['kms:Encrypt', Arn],
      ['kms:ReEncryptFrom', Arn],
      ['kms:ReEncryptTo', Arn],
      ['kms:DeleteAlias', alias],
      ['kms:DeleteAlias', Arn],
    ]);
    expect(new Set(accesses.map(({ caller }) => caller.arn))).toEqual(
      new Set(['arn:aws:iam::111122223333:root']),
    );
  });
});

test('a Region is not there for callers who are not known to be anybody', async () => {
  let isKnown = false;
  const { call, account } = await startWithGate((request) => {
    if (isKnown) return noAuthentication(SCOPE)(request);
    throw new KmsException('InvalidSignatureException', 'The signature is wrong.');
  });
  const list = (region: string) => {
    const credential = `Credential=A/20260101/${region}/kms/aws4_request`;
    return call('ListKeys', {}, { authorization: `AWS4-HMAC-SHA256 ${credential}, Signature=00` });
  };
  for (const region of ['a-x-1', 'b-x-1']) {
    expect((await list(region)).__type).toBe('InvalidSignatureException');
  }
  expect(account.regions()).toEqual([]);
  isKnown = true;
  await list('c-x-1');
  expect(account.regions().map(({ scope }) => scope.region)).toEqual(['c-x-1']);
});
