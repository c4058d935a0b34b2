import { kmsArn, parseKmsArn } from '../arn.ts';
import type { Call, Kms } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import type { KmsKey } from './kms-key.ts';

/**
 * The key that a KeyId means, in any of its four forms: key id, key ARN, alias name, alias ARN; with it the gate
 * is passed. Throws NotFoundException, or InvalidArnException for an ARN that is none of KMS.
 */
export function keyWithId(call: Call, keyId: string, permission?: string): KmsKey {
  const resource = localResource(call, keyId);
  const alias = resource.startsWith('alias/') ? existingAlias(call, resource) : undefined;
  const key = existingKey(call, alias ? `key/${alias.targetKeyId}` : resource);
  call.access(key.arn, { permission });
  return key;
}

/** The same for the operations that take a key id or key ARN only. Throws NotFoundException for an alias. */
export function keyWithIdNotAlias(call: Call, keyId: string): KmsKey {
  const key = findKeyNotAlias(call, keyId);
  call.access(key.arn);
  return key;
}

/** The same for an operation that does nothing to the key, and so passes no gate. */
export function findKeyNotAlias(call: Call, keyId: string): KmsKey {
  const resource = localResource(call, keyId);
  if (resource.startsWith('alias/'))
    throw notFound('This operation takes a key id or key ARN, not an alias.');
  return existingKey(call, resource);
}

function localResource({ scope, caller }: Call, keyId: string): string {
  // Ids and names without an account are of the caller's own.
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

function existingAlias({ scope, aliases }: Kms, name: string) {
  const alias = aliases.find(name);
  if (!alias) throw notFound(`There is no alias ${kmsArn(scope, name)}.`);
  return alias;
}

function existingKey({ scope, keys }: Kms, resource: string): KmsKey {
  const key = keys.find(resource.slice('key/'.length));
  if (!key) throw notFound(`There is no key ${kmsArn(scope, resource)}.`);
  return key;
}

function notFound(message: string): KmsException {
  return new KmsException('NotFoundException', message);
}
