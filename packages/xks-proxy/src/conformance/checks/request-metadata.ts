import { assertException, assertSuccess } from '../assertions.ts';
import { type Check, checks } from '../check.ts';
import type { Answer, Fields, XksClient } from '../client.ts';
import { requestMetadata } from '../request-metadata.ts';

/** `requestMetadata`: what is required of it, and what a proxy must not judge. */
export const requestMetadataChecks: readonly Check[] = [
  ...checks('API operations', {
    'rejects no kmsOperation as invalid, even one that does not exist yet': (client) =>
      acceptsEverywhere(client, { kmsOperation: 'BulkEncrypt' }),
    'takes kmsRequestId for an opaque string': async (client) => {
      await acceptsEverywhere(client, { kmsRequestId: 'not-a-uuid / ÄÖ "quoted"' });
    },
    'takes ARNs of 2048 characters': (client) =>
      acceptsEverywhere(client, {
        awsPrincipalArn: 'arn:aws:iam::123456789012:role/'.padEnd(2048, 'a'),
        kmsKeyArn: 'arn:aws:kms:eu-north-1:123456789012:key/'.padEnd(2048, 'b'),
      }),
    'takes a service for the principal, and the VPC fields': async (client) => {
      await acceptsEverywhere(client, { awsPrincipalArn: 'AWS Internal' });
      await acceptsEverywhere(client, {
        awsPrincipalArn: 'ec2.amazonaws.com',
        awsSourceVpc: 'vpc-0123456789abcdef0',
        awsSourceVpce: 'vpce-0123456789abcdef0',
        kmsViaService: 'ebs',
      });
    },
    'rejects Encrypt, Decrypt and GetKeyMetadata without requestMetadata, or with something else': async (
      client,
    ) => {
      for (const value of [undefined, null, 'text', [], 7]) {
        for (const operation of KEY_OPERATIONS) {
          assertException(await call(client, operation, { requestMetadata: value }), 'ValidationException');
        }
      }
    },
    'rejects Encrypt and Decrypt without one of their four fields, or with one that is no string': (client) =>
      requires(
        client,
        ['encrypt', 'decrypt'],
        ['awsPrincipalArn', 'kmsKeyArn', 'kmsOperation', 'kmsRequestId'],
      ),
    'rejects GetKeyMetadata without one of its three fields, or with one that is no string': (client) =>
      requires(client, ['metadata'], ['awsPrincipalArn', 'kmsOperation', 'kmsRequestId']),
  }),
  ...checks('Appendix B', {
    'ignores fields that a later version may add': (client) =>
      acceptsEverywhere(client, { sourceIdentity: 'alice', kmsRecipientAttestation: { imageSha384: '00' } }),
  }),
  ...checks(
    'GetHealthStatus',
    {
      'rejects a request without requestMetadata, or without one of its two fields': async (client) => {
        assertException(await client.post('/health', {}), 'ValidationException');
        assertException(await client.post('/health', { requestMetadata: {} }), 'ValidationException');
        await requires(client, ['health'], ['kmsOperation', 'kmsRequestId']);
      },
    },
    'SHOULD',
  ),
];

type Operation = 'metadata' | 'encrypt' | 'decrypt' | 'health';

async function acceptsEverywhere(client: XksClient, fields: Fields): Promise<void> {
  // Who may do what is for the proxy to say (section "Authorization"): whoever is denied is understood.
  const mayBeDenied = 'kmsOperation' in fields || 'awsPrincipalArn' in fields;
  for (const operation of [...KEY_OPERATIONS, 'health'] as const) {
    const changed = { requestMetadata: { ...validMetadata(operation), ...fields } };
    const answer = await call(client, operation, changed);
    if (mayBeDenied && operation !== 'health' && answer.status === 403) {
      assertException(answer, 'AccessDeniedException');
      continue;
    }
    // This request carries no ciphertext that could open: being told so is being understood.
    if (operation === 'decrypt') assertException(answer, 'InvalidCiphertextException');
    else assertSuccess(answer);
  }
}

async function requires(
  client: XksClient,
  operations: readonly Operation[],
  fields: readonly string[],
): Promise<void> {
  for (const operation of operations) {
    for (const field of fields) {
      for (const value of [undefined, 7]) {
        const changed = { requestMetadata: { ...validMetadata(operation), [field]: value } };
        assertException(await call(client, operation, changed), 'ValidationException');
      }
    }
  }
}

function validMetadata(operation: Operation): Fields {
  const kmsKeyArn = operation === 'encrypt' || operation === 'decrypt';
  return requestMetadata(KMS_OPERATIONS[operation], { kmsKeyArn });
}

function call(client: XksClient, operation: Operation, fields: Fields): Promise<Answer> {
  const { enabled } = client.target.keys;
  switch (operation) {
    case 'metadata':
      return client.getKeyMetadata(enabled, fields);
    case 'encrypt':
      return client.encrypt(enabled, fields);
    case 'decrypt':
      return client.decrypt(enabled, { ...UNOPENABLE, ...fields });
    case 'health':
      return client.getHealthStatus(fields);
  }
}

/** What has AWS KMS ask for each. */
const KMS_OPERATIONS = {
  metadata: 'CreateKey',
  encrypt: 'Encrypt',
  decrypt: 'Decrypt',
  health: 'KmsHealthCheck',
} as const satisfies Record<Operation, string>;
const KEY_OPERATIONS = ['metadata', 'encrypt', 'decrypt'] as const;

const UNOPENABLE = {
  ciphertext: 'AAAAAAAAAAAAAAAA',
  initializationVector: Buffer.alloc(12, 1).toString('base64'),
  authenticationTag: Buffer.alloc(16, 1).toString('base64'),
};
