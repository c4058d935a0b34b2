import { z } from 'zod';
import { type ArnScope, accountArn } from '../arn.ts';
import { KmsException } from '../kms-exception.ts';
import type { Output } from '../protocol/operation.ts';
import { toTimestamp } from '../protocol/time.ts';
import type { Grant } from './grants.ts';
import type { KeyUsage } from './key-specs.ts';
import type { KmsKey } from './kms-key.ts';

/** The ARN of a user, role, session or account; `assertPrincipal` checks that it is one. */
export const principal = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[\w+=,.@:/-]+$/);

/** What CreateGrant returned. */
export const grantId = z.string().min(1).max(128);

/** Throws InvalidArnException for text that is no ARN of IAM or STS. */
export function assertPrincipal(text: string): void {
  if (PRINCIPAL_ARN.test(text)) return;
  throw new KmsException('InvalidArnException', 'A principal is named by its ARN.');
}

/** Throws ValidationException for operations that keys of this kind do not have. */
export function assertGrantable({ arn, spec, usage }: KmsKey, operations: readonly string[]): void {
  const grantable: readonly string[] = [
    ...OPERATIONS_OF_ALL,
    ...(spec === 'SYMMETRIC_DEFAULT' ? OPERATIONS_OF_SYMMETRIC : OPERATIONS_BY_USAGE[usage]),
  ];
  const foreign = operations.find((operation) => !grantable.includes(operation));
  if (foreign === undefined) return;
  throw new KmsException('ValidationException', `Operations: ${foreign} is no operation of the key ${arn}`);
}

/** An entry of ListGrants and ListRetirableGrants. */
export function grantEntry(scope: ArnScope, key: KmsKey, grant: Grant): Output {
  return {
    KeyId: key.arn,
    GrantId: grant.id,
    Name: grant.name,
    CreationDate: toTimestamp(grant.createdAt),
    GranteePrincipal: grant.granteePrincipal,
    RetiringPrincipal: grant.retiringPrincipal,
    IssuingAccount: accountArn(scope),
    Operations: grant.operations,
    Constraints: grant.constraints && { ...grant.constraints },
  };
}

/** The operations that a grant can permit. */
export const GRANT_OPERATIONS = [
  'CreateGrant',
  'Decapsulate',
  'Decrypt',
  'DeriveSharedSecret',
  'DescribeKey',
  'Encapsulate',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateDataKeyWithoutPlaintext',
  'GenerateMac',
  'GetPublicKey',
  'ReEncryptFrom',
  'ReEncryptTo',
  'RetireGrant',
  'Sign',
  'Verify',
  'VerifyMac',
] as const;

type GrantOperation = (typeof GRANT_OPERATIONS)[number];

const PRINCIPAL_ARN = /^arn:aws[a-z-]*:(iam|sts)::\d{12}:.+$/;
const OPERATIONS_OF_ALL: readonly GrantOperation[] = ['CreateGrant', 'DescribeKey', 'RetireGrant'];
/** What a grant on a symmetric encryption key may permit of its own: exactly the operations with an encryption context. */
export const OPERATIONS_OF_SYMMETRIC: ReadonlySet<string> = new Set<GrantOperation>([
  'Decrypt',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateDataKeyWithoutPlaintext',
  'ReEncryptFrom',
  'ReEncryptTo',
]);
const OPERATIONS_BY_USAGE = {
  ENCRYPT_DECRYPT: ['Decrypt', 'Encrypt', 'GetPublicKey', 'ReEncryptFrom', 'ReEncryptTo'],
  SIGN_VERIFY: ['GetPublicKey', 'Sign', 'Verify'],
  GENERATE_VERIFY_MAC: ['GenerateMac', 'VerifyMac'],
  KEY_AGREEMENT: ['DeriveSharedSecret', 'GetPublicKey'],
  ENCAPSULATE_DECAPSULATE: ['Decapsulate', 'Encapsulate', 'GetPublicKey'],
} as const satisfies Record<KeyUsage, readonly GrantOperation[]>;
