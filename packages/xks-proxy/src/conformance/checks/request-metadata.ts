import { assertException, assertSuccess, isDenied } from '../assertions.ts';
import { type Check, checks } from '../check.ts';
import type { Answer, Fields, XksClient } from '../client.ts';
import { requestMetadata } from '../request-metadata.ts';
import { UNOPENABLE } from '../sealed.ts';
import { NotRun } from '../target.ts';

/** `requestMetadata`: its required fields, and the values that a proxy must not check. */
export const requestMetadataChecks: readonly Check[] = [
  ...checks('API operations', {
    'rejects no kmsOperation as invalid, even one that does not exist yet': async (client) => {
      // A denied request was understood, too.
      await acceptsEverywhere(client, { kmsOperation: 'BulkEncrypt' });
    },
    'takes kmsRequestId for an opaque string': async (client) => {
      await acceptsEverywhere(client, { kmsRequestId: 'not-a-uuid / ÄÖ "quoted"' });
    },
    'takes ARNs of 2048 characters': (client) =>
      isSeenToAccept(client, [
        { kmsKeyArn: 'arn:aws:kms:eu-north-1:123456789012:key/'.padEnd(2048, 'b') },
        { awsPrincipalArn: 'arn:aws:iam::123456789012:role/'.padEnd(2048, 'a') },
      ]),
    'takes a service for the principal, and the VPC fields': (client) =>
      isSeenToAccept(client, [
        { awsPrincipalArn: 'AWS Internal' },
        {
          awsPrincipalArn: 'ec2.amazonaws.com',
          awsSourceVpc: 'vpc-0123456789abcdef0',
          awsSourceVpce: 'vpce-0123456789abcdef0',
          kmsViaService: 'ebs',
        },
      ]),
    'rejects Encrypt, Decrypt and GetKeyMetadata without requestMetadata, or with nothing in it': (client) =>
      rejectsAsMetadata(client, [undefined, {}]),
  }),
  ...checks('Appendix B', {
    'ignores fields that a later version may add': async (client) => {
      const fields = { sourceIdentity: 'alice', kmsRecipientAttestation: { imageSha384: '00' } };
      await acceptsEverywhere(client, fields);
    },
  }),
  // AWS KMS vouches for the values; the specification expects no proxy to validate them (section "GetKeyMetadata").
  ...checks(
    'API operations',
    {
      'rejects Encrypt, Decrypt and GetKeyMetadata with requestMetadata that is no object': (client) =>
        rejectsAsMetadata(client, [null, 'text', [], 7]),
      'rejects Encrypt and Decrypt without one of their four fields, or with one that is no string': (
        client,
      ) =>
        requires(
          client,
          ['encrypt', 'decrypt'],
          ['awsPrincipalArn', 'kmsKeyArn', 'kmsOperation', 'kmsRequestId'],
        ),
      'rejects GetKeyMetadata without one of its three fields, or with one that is no string': (client) =>
        requires(client, ['metadata'], ['awsPrincipalArn', 'kmsOperation', 'kmsRequestId']),
    },
    'SHOULD',
  ),
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

/** Throws {@link NotRun} if each operation on a key is denied for each of them: then nothing can be checked. */
async function isSeenToAccept(client: XksClient, variants: readonly Fields[]): Promise<void> {
  let isSeen = false;
  for (const fields of variants) if (await acceptsEverywhere(client, fields)) isSeen = true;
  if (!isSeen) throw new NotRun('needs a policy that does not deny all of it');
}

/** Resolves to whether an operation on a key was allowed. */
async function acceptsEverywhere(client: XksClient, fields: Fields): Promise<boolean> {
  // The proxy decides who may do what (section "Authorization").
  const mayBeDenied = Object.keys(fields).some((field) => DECIDED_ON.has(field));
  let isAllowed = false;
  for (const operation of [...KEY_OPERATIONS, 'health'] as const) {
    const changed = { requestMetadata: { ...validMetadata(client, operation), ...fields } };
    const answer = await call(client, operation, changed);
    if (mayBeDenied && operation !== 'health' && isDenied(answer)) continue;
    isAllowed ||= operation !== 'health';
    // The ciphertext of this request cannot open: an answer that says so shows that the request was understood.
    if (operation === 'decrypt') assertException(answer, 'InvalidCiphertextException');
    else assertSuccess(answer);
  }
  return isAllowed;
}

async function rejectsAsMetadata(client: XksClient, values: readonly unknown[]): Promise<void> {
  for (const value of values) {
    for (const operation of KEY_OPERATIONS) {
      assertRejected(await call(client, operation, { requestMetadata: value }));
    }
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
        const changed = { requestMetadata: { ...validMetadata(client, operation), [field]: value } };
        assertRejected(await call(client, operation, changed));
      }
    }
  }
}

function assertRejected(answer: Answer): void {
  // A policy without these fields may deny the request before its form is checked.
  assertException(answer, 'ValidationException', 'AccessDeniedException');
}

function validMetadata({ target: { caller } }: XksClient, operation: Operation): Fields {
  const { awsPrincipalArn } = caller;
  const told = { metadata: { awsPrincipalArn }, encrypt: caller, decrypt: caller, health: {} };
  return requestMetadata(KMS_OPERATIONS[operation], told[operation]);
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

/** The KMS operation behind each operation of the API. */
const KMS_OPERATIONS = {
  metadata: 'CreateKey',
  encrypt: 'Encrypt',
  decrypt: 'Decrypt',
  health: 'KmsHealthCheck',
} as const satisfies Record<Operation, string>;
const DECIDED_ON: ReadonlySet<string> = new Set(['kmsOperation', 'awsPrincipalArn', 'kmsKeyArn']);
const KEY_OPERATIONS = ['metadata', 'encrypt', 'decrypt'] as const;
