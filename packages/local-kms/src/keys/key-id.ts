import { kmsArn, parseKmsArn } from '../arn.ts';
import { KmsError } from '../errors.ts';
import type { Call, Kms } from '../kms.ts';
import type { KmsKey } from './keys.ts';

/**
 * The key that a KeyId means, in any of its four forms: key id, key ARN, alias name, alias ARN.
 * Throws NotFoundException, or InvalidArnException for an ARN that is none of KMS.
 */
export function keyWithId(call: Call, keyId: string): KmsKey {
  const resource = localResource(call, keyId);
  if (!resource.startsWith('alias/')) return keyFrom(call, resource);
  const alias = call.aliases.find(resource);
  if (!alias) throw notFound(`There is no alias ${kmsArn(call.scope, resource)}.`);
  return keyFrom(call, `key/${alias.targetKeyId}`);
}

/** The same for the operations that take a key id or key ARN only. Throws NotFoundException for an alias. */
export function keyWithIdNotAlias(call: Call, keyId: string): KmsKey {
  const resource = localResource(call, keyId);
  if (resource.startsWith('alias/'))
    throw notFound('This operation takes a key id or key ARN, not an alias.');
  return keyFrom(call, resource);
}

function localResource({ scope }: Kms, keyId: string): string {
  if (keyId.startsWith('alias/')) return keyId;
  if (!keyId.startsWith('arn:')) return `key/${keyId}`;
  const arn = parseKmsArn(keyId);
  if (!arn) throw new KmsError('InvalidArnException', 'This is not the ARN of a KMS key or alias.');
  if (kmsArn(arn, arn.resource) !== kmsArn(scope, arn.resource)) {
    throw notFound('The ARN is of another account or Region.');
  }
  return arn.resource;
}

function keyFrom(call: Call, resource: string): KmsKey {
  const key = call.keys.find(resource.slice('key/'.length));
  if (!key) throw notFound(`There is no key ${kmsArn(call.scope, resource)}.`);
  call.concerns(key.arn);
  return key;
}

function notFound(message: string): KmsError {
  return new KmsError('NotFoundException', message);
}
