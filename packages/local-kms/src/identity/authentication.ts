import type { ArnScope } from '../arn.ts';
import { type KmsException, toKmsException } from '../kms-exception.ts';
import { type Caller, rootCaller } from '../policy/caller.ts';
import type { PrincipalDirectory } from './principal-directory.ts';
import { type SignedRequest, verifySignature } from './signature.ts';

/** Returns who makes a request, or throws the exception to refuse it with if the caller is unknown. */
export type Authentication = (request: SignedRequest) => Identity;

/** Who makes a request. */
export interface Identity {
  readonly caller: Caller;
  /** What the request was signed with, where that was verified. */
  readonly accessKeyId?: string;
  /** The Region that the request was signed for, where that was verified. */
  readonly region?: string;
}

/** Takes every caller for the root user of the account, whatever a request is signed with. */
export function noAuthentication(scope: ArnScope): Authentication {
  const identity = { caller: rootCaller(scope) };
  return () => identity;
}

/** Identifies callers by their signatures. Throws as `verifySignature` does. */
export function signatureAuthentication(directory: PrincipalDirectory): Authentication {
  return (request) => verifySignature(request, directory.accessKey, new Date());
}

/** Identifies callers by their signatures, takes unknown callers for the root user, and reports those. */
export function lenientAuthentication(
  directory: PrincipalDirectory,
  scope: ArnScope,
  onFailure: (error: KmsException) => void,
): Authentication {
  const verified = signatureAuthentication(directory);
  const otherwise = noAuthentication(scope);
  return (request) => {
    try {
      return verified(request);
    } catch (error) {
      onFailure(toKmsException(error));
      return otherwise(request);
    }
  };
}
