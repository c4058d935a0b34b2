import type { ArnScope } from '../arn.ts';
import { type KmsException, toKmsException } from '../kms-exception.ts';
import { type Caller, rootCaller } from '../policy/caller.ts';
import type { PrincipalDirectory } from './principal-directory.ts';
import { type SignedRequest, verifySignature } from './signature.ts';

/** Says who makes a request, by throwing the exception to refuse it with where nobody is known to. */
export type Authentication = (request: SignedRequest) => Identity;

/** Who makes a request. */
export interface Identity {
  readonly caller: Caller;
  /** What the request was signed with, where that was verified. */
  readonly accessKeyId?: string;
  /** The Region that the request was signed for, where that was verified. */
  readonly region?: string;
}

/** Takes everybody for the root user of the account, whatever a request is signed with. */
export function noAuthentication(scope: ArnScope): Authentication {
  const identity = { caller: rootCaller(scope) };
  return () => identity;
}

/** Knows callers by their signatures. Throws as `verifySignature` does. */
export function signatureAuthentication(directory: PrincipalDirectory): Authentication {
  return (request) => verifySignature(request, directory.accessKey, new Date());
}

/** The same, but takes whom it does not know for the root user, and says so. */
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
