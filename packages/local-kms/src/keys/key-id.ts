import { kmsArn, parseKmsArn } from '../arn.ts';
import type { Call, Kms } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import type { KmsKey } from './kms-key.ts';

/** How a key is asked for at the gate. */
interface KeyAccess {
  /** Default that of the operation. */
  readonly permission?: string | undefined;
  /** The key as the request names it. Default `resource:` and the KeyId. */
  readonly named?: string;
}

/**
 * Returns the key that a KeyId means, in any of its four forms: key id, key ARN, alias name, alias ARN, and passes the
 * gate with it. Throws NotFoundException, or InvalidArnException for an ARN of another service.
 */
export function keyWithId(call: Call, keyId: string, permission?: string): KmsKey {
  return accessedKey(call, keyId, localResource(call, keyId), { permission });
}

/** The same for the operations that take a key id or key ARN only. Throws NotFoundException for an alias. */
export function keyWithIdNotAlias(call: Call, keyId: string, access?: KeyAccess): KmsKey {
  return accessedKey(call, keyId, localKeyResource(call, keyId), access);
}

/** The same for an operation that does nothing to the key, and so passes no gate. */
export function findKeyNotAlias(call: Call, keyId: string): KmsKey {
  const resource = localKeyResource(call, keyId);
  return keyNamed(call, resource) ?? throwNotFound(call, resource);
}

function accessedKey(
  call: Call,
  keyId: string,
  resource: string,
  { permission, named = `resource: ${keyId}` }: KeyAccess = {},
): KmsKey {
  const key = keyNamed(call, resource);
  // Principals of another account are refused a missing key in the same words as a key that is closed to them.
  if (key || call.caller.accountId !== call.scope.accountId) {
    call.access(key?.arn ?? keyId, { permission, named });
  }
  return key ?? throwNotFound(call, resource);
}

function localKeyResource(call: Call, keyId: string): string {
  const resource = localResource(call, keyId);
  if (!resource.startsWith('alias/')) return resource;
  throw notFound('This operation takes a key id or key ARN, not an alias.');
}

function localResource({ scope, caller }: Call, keyId: string): string {
  // Ids and names without an account are of the caller's own account.
  if (!keyId.startsWith('arn:') && caller.accountId !== scope.accountId) {
    throw notFound('There is no such key or alias in the account of the caller.');
  }
  if (keyId.startsWith('alias/')) return keyId;
  if (!keyId.startsWith('arn:')) return `key/${keyId}`;
  const arn = parseKmsArn(keyId);
  if (!arn) throw new KmsException('InvalidArnException', 'This is not the ARN of a KMS key or alias.');
  if (kmsArn(arn, arn.resource) !== kmsArn(scope, arn.resource)) {
    throw notFound('The ARN is of another account or Region.');
  }
  return arn.resource;
}

/** By `key/` and an id, or an alias with its prefix. */
function keyNamed({ keys, aliases }: Kms, resource: string): KmsKey | undefined {
  const id = resource.startsWith('alias/')
    ? aliases.find(resource)?.targetKeyId
    : resource.slice('key/'.length);
  return id === undefined ? undefined : keys.find(id);
}

function throwNotFound({ scope }: Kms, resource: string): never {
  const kind = resource.startsWith('alias/') ? 'alias' : 'key';
  throw notFound(`There is no ${kind} ${kmsArn(scope, resource)}.`);
}

function notFound(message: string): KmsException {
  return new KmsException('NotFoundException', message);
}
