import { z } from 'zod';
import { type ArnScope, accountArn } from '../arn.ts';
import { KmsException } from '../kms-exception.ts';
import { isOverlyPermissive, keyPolicy, type Policy } from '../policy/document.ts';

/** The text of a key policy; `assertPolicy` checks it, with an exception of its own. */
export const policyText = z.string().min(1).max(131_072);

/** The name of the one policy that a key has. */
export const POLICY_NAME = 'default';

/** The name of a policy in a request. */
export const policyName = z.string().min(1).max(128).regex(/^\w+$/).default(POLICY_NAME);

/** Throws NotFoundException for any other name. */
export function assertPolicyName(name: string): void {
  if (name !== POLICY_NAME) throw new KmsException('NotFoundException', `There is no key policy ${name}.`);
}

/** The policy of a key that was given none: the account decides, by its IAM policies. */
export function defaultPolicy(scope: ArnScope): string {
  const statement = {
    Sid: 'Enable IAM User Permissions',
    Effect: 'Allow',
    Principal: { AWS: accountArn(scope) },
    Action: 'kms:*',
    Resource: '*',
  };
  return JSON.stringify({ Version: '2012-10-17', Id: 'key-default-1', Statement: [statement] }, undefined, 2);
}

/**
 * Checks a key policy that is to be put. Throws as `parsedPolicy` does, and MalformedPolicyDocumentException for one that
 * permits more than it seems to.
 */
export function assertPolicy(text: string): void {
  parsedPolicy(text);
  if (!isOverlyPermissive(parseJson(text))) return;
  throw new KmsException(
    'MalformedPolicyDocumentException',
    'OverlyPermissiveCondition: ForAllValues is met by requests that lack the pair or the tag. Leave it out.',
  );
}

/**
 * Reads a key policy: statements with an effect and a principal. A statement without Action or Resource is accepted
 * and has no effect, as in AWS KMS. Throws LimitExceededException above 32 KiB, and MalformedPolicyDocumentException.
 */
export function parsedPolicy(text: string): Policy {
  if (text.length > MAX_POLICY_BYTES) {
    throw new KmsException('LimitExceededException', `A key policy has at most ${MAX_POLICY_BYTES} bytes.`);
  }
  const policy = ALLOWED_CHARACTERS.test(text) ? keyPolicy(parseJson(text)) : undefined;
  if (policy) return policy;
  throw new KmsException('MalformedPolicyDocumentException', 'The key policy is not a policy document.');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const MAX_POLICY_BYTES = 32_768;
// The tab, both line ends, and what is printable up to U+00FF.
const ALLOWED_CHARACTERS = /^[\t\n\r\u0020-\u00ff]+$/;
