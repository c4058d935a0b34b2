import { type ArnScope, accountArn } from '../arn.ts';

/** Whom a key policy is for: ARNs of users and roles. */
export interface KeyPeople {
  /** May manage the key, but not use it. */
  readonly administrators: readonly string[];
  /** May use the key, and let services of AWS use it for them. */
  readonly users: readonly string[];
}

/** The key policy that the AWS console makes of a choice of administrators and users (Developer Guide, "Default key policy"). */
export function consolePolicy(scope: ArnScope, { administrators, users }: KeyPeople): object {
  const statement = (Sid: string, principals: readonly string[], Action: string | readonly string[]) => ({
    Sid,
    Effect: 'Allow',
    Principal: { AWS: principals.length === 1 ? principals[0] : principals },
    Action,
    Resource: '*',
  });
  return {
    Version: '2012-10-17',
    Id: 'key-consolepolicy-3',
    Statement: [
      statement('Enable IAM User Permissions', [accountArn(scope)], 'kms:*'),
      ...(administrators.length > 0
        ? [statement('Allow access for Key Administrators', administrators, ADMINISTRATION)]
        : []),
      ...(users.length > 0
        ? [
            statement('Allow use of the key', users, USE),
            {
              ...statement('Allow attachment of persistent resources', users, GRANTS),
              Condition: { Bool: { 'kms:GrantIsForAWSResource': 'true' } },
            },
          ]
        : []),
    ],
  };
}

const ADMINISTRATION = [
  'kms:Create*',
  'kms:Describe*',
  'kms:Enable*',
  'kms:List*',
  'kms:Put*',
  'kms:Update*',
  'kms:Revoke*',
  'kms:Disable*',
  'kms:Get*',
  'kms:Delete*',
  'kms:TagResource',
  'kms:UntagResource',
  'kms:ScheduleKeyDeletion',
  'kms:CancelKeyDeletion',
  'kms:RotateKeyOnDemand',
];
const USE = ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'];
const GRANTS = ['kms:CreateGrant', 'kms:ListGrants', 'kms:RevokeGrant'];
