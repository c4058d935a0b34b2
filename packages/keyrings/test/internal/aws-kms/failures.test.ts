import { KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { awsKmsKeyring } from '../../../src/aws-kms.ts';
import { AWS_KMS_FAILURES } from '../../../src/internal/aws-kms/failures.ts';
import { answering, type Fault, type JsonServer, startJsonServer } from '../../fixtures/json-server.ts';
import {
  decryptionMaterials,
  encryptionMaterials,
  keyringError,
  rootCauses,
} from '../../fixtures/materials.ts';
import { kmsClient } from '../../fixtures/scripted-kms.ts';

const keyArn = 'arn:aws:kms:eu-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
let server: JsonServer;
let client: KMSClient;

beforeAll(async () => {
  server = await startJsonServer(() => ({ status: 200, body: {} }));
  client = kmsClient(server.url);
});

afterAll(async () => {
  client.destroy();
  await server.close();
});

/** The failures of both directions while AWS KMS answers so. */
async function failuresWith(fault: Fault) {
  server.fault(fault);
  const keyring = awsKmsKeyring({ client, generatorKeyId: keyArn });
  return {
    encrypting: await keyringError(keyring.onEncrypt(encryptionMaterials())),
    decrypting: await keyringError(keyring.onDecrypt(decryptionMaterials(), [encryptedDataKey])),
  };
}

const named = (name: string) => ({ __type: name });
const breakingOff =
  (status: number): Fault =>
  (response) => {
    response.writeHead(status, { 'content-length': '100' });
    response.write('{', () => response.destroy());
  };

describe('AWS KMS is out', () => {
  const outages: Readonly<Record<string, Fault>> = {
    'a status of the server without a body': answering(503, ''),
    'a status of the server that nobody knows': answering(500, named('Unheard')),
    'a gateway in between': answering(502, '<html>bad gateway</html>'),
    'a status for too many requests': answering(429, ''),
    'a status for a request that took too long': answering(408, {}),
    'throttling by one name': answering(400, named('ThrottlingException')),
    'throttling by another': answering(400, named('SlowDown')),
    'throttling by a third': answering(400, named('RequestThrottledException')),
    'credentials that have ended': answering(400, named('ExpiredTokenException')),
    'credentials that nobody knows': answering(400, named('UnrecognizedClientException')),
    'credentials that are missing': answering(403, named('MissingAuthenticationTokenException')),
    'a signature by a clock that is wrong': answering(400, named('InvalidSignatureException')),
    'a key store that does not answer': answering(400, named('KMSInvalidStateException')),
    'no answer': (response) => response.destroy(),
    'an answer that breaks off': breakingOff(200),
    'a refusal that breaks off': breakingOff(400),
  };
  for (const [outage, fault] of Object.entries(outages)) {
    it(`by ${outage}`, async () => {
      for (const error of Object.values(await failuresWith(fault))) {
        expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', keyService: 'AWS KMS' });
      }
    });
  }

  it.each(['region', 'credentials'])(
    'also for a client that has no %s, and the cause says so',
    async (missing) => {
      const cause = new Error(`${missing} is missing`);
      const unable = new KMSClient({
        endpoint: server.url,
        region: 'eu-north-1',
        credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'of no meaning here' },
        [missing]: () => Promise.reject(cause),
      });
      const keyring = awsKmsKeyring({ client: unable, generatorKeyId: keyArn });
      const error = await keyringError(keyring.onEncrypt(encryptionMaterials()));
      expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', keyService: 'AWS KMS', cause });
    },
  );

  it.each([408, 429, 500, 503])(
    'by status %i, though a client of before schemas blames its caller',
    (status) => {
      const metadata = { $fault: 'client', $metadata: { httpStatusCode: status } };
      expect(AWS_KMS_FAILURES.isOutage(Object.assign(new Error('UnknownError'), metadata))).toBe(true);
    },
  );
});

test('AWS KMS is out where an answer breaks off that a client has fetched, for all its status', async () => {
  server.fault(breakingOff(200));
  const answer = await fetch(server.url, { method: 'POST', body: '{}' });
  const error = await answer.text().catch((cause: unknown) => cause);
  Object.assign(error instanceof TypeError ? error : expect.unreachable(), {
    $response: { statusCode: 200 },
  });
  const isOutage = AWS_KMS_FAILURES.isOutage(error);
  expect({ isOutage, isUnreadable: AWS_KMS_FAILURES.isUnreadable?.(error) }).toEqual({
    isOutage: true,
    isUnreadable: false,
  });
});

describe('AWS KMS refuses', () => {
  for (const [refusal, fault] of Object.entries({
    'an exception': answering(400, named('AccessDeniedException')),
    'a page of HTML': answering(403, '<html>blocked</html>'),
    'sending elsewhere': answering(301, '', { location: 'http://127.0.0.1/' }),
  })) {
    it(`by ${refusal}`, async () => {
      const { encrypting, decrypting } = await failuresWith(fault);
      expect(encrypting).toMatchObject({ code: 'KEY_SERVICE_REFUSED', keyService: 'AWS KMS' });
      expect(decrypting.code).toBe('DATA_KEY_NOT_OPENED');
    });
  }
});

describe('an answer of AWS KMS that cannot be read', () => {
  it.each([
    ['no JSON', '<html>welcome</html>'],
    ['no base64', { KeyId: keyArn, Plaintext: '@@@@', CiphertextBlob: 'AQID' }],
  ])('since it is %s is invalid, and is not repeated', async (_, answer) => {
    const { encrypting, decrypting } = await failuresWith(answering(200, answer));
    expect(encrypting).toMatchObject({ code: 'KEY_SERVICE_ANSWER_INVALID', keyService: 'AWS KMS' });
    expect(encrypting.cause).toBeUndefined();
    expect(decrypting.code).toBe('DATA_KEY_NOT_OPENED');
    expect(rootCauses(decrypting)).toMatchObject([{ code: 'KEY_SERVICE_ANSWER_INVALID' }]);
  });

  it.each([
    [200, { isOutage: false, isUnreadable: true }],
    [403, { isOutage: false, isUnreadable: false }],
    [503, { isOutage: true, isUnreadable: false }],
  ])('with status %i is known by the raw answer, where a client says no more', (statusCode, expected) => {
    const error = Object.assign(new SyntaxError('no JSON'), { $metadata: {}, $response: { statusCode } });
    const isOutage = AWS_KMS_FAILURES.isOutage(error);
    expect({ isOutage, isUnreadable: AWS_KMS_FAILURES.isUnreadable?.(error) }).toEqual(expected);
  });
});

const encryptedDataKey = {
  providerId: 'aws-kms',
  providerInfo: new TextEncoder().encode(keyArn),
  ciphertext: Uint8Array.of(1),
};
