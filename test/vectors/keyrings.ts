import { hierarchicalKeyring } from '@holdfast/keyrings/hierarchical';
import { multiKeyring } from '@holdfast/keyrings/multi';
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { rawEcdhKeyring } from '@holdfast/keyrings/raw-ecdh';
import { rawRsaKeyring } from '@holdfast/keyrings/raw-rsa';
import type { Keyring } from '@holdfast/sdk';
import type { KeyringDescription, Manifest } from './manifest.ts';
import { staticBranchKey } from './static-branch-keys.ts';

/** The keyring of a vector, or the type that this runner does not know. */
export function vectorKeyring(
  description: KeyringDescription,
  keys: Manifest['keys'],
): { readonly keyring: Keyring } | { readonly missing: string } {
  switch (description.type) {
    case 'raw-aes':
      return { keyring: rawAesKeyring({ ...description, wrappingKey: bytesOf(description.key, keys) }) };
    case 'raw-rsa': {
      const { namespace, name } = description;
      const privateKey = materialOf(description.privateKey, keys);
      return {
        keyring: rawRsaKeyring({ namespace, name, privateKey, padding: PADDINGS[description.padding] }),
      };
    }
    case 'raw-ecdh': {
      const privateKey = materialOf(description.privateKey, keys);
      const peerPublicKey = bytesOf(description.recipientPublicKey, keys);
      return {
        keyring: rawEcdhKeyring(
          description.scheme === 'static'
            ? { schema: 'static', privateKey, peerPublicKey }
            : { schema: 'discovery', privateKey },
        ),
      };
    }
    case 'hierarchy': {
      const { branchKeyId, branchKeyVersion } = keys[description.branchKey] ?? {};
      if (branchKeyId === undefined || branchKeyVersion === undefined) {
        throw new Error(`no branch key ${description.branchKey} in the manifest`);
      }
      const branchKey = bytesOf(description.branchKey, keys);
      const keyStore = staticBranchKey({ branchKeyId, branchKeyVersion, branchKey });
      return { keyring: hierarchicalKeyring({ keyStore, branchKeyId, ttlMs: 60_000 }) };
    }
    case 'static':
      return { keyring: staticKeyring(Buffer.from(description.dataKey, 'base64')) };
    case 'multi': {
      const generator = description.generator && vectorKeyring(description.generator, keys);
      if (generator && 'missing' in generator) return generator;
      const children: Keyring[] = [];
      for (const child of description.children) {
        const built = vectorKeyring(child, keys);
        if ('missing' in built) return built;
        children.push(built.keyring);
      }
      return { keyring: multiKeyring({ ...(generator && { generator: generator.keyring }), children }) };
    }
    case 'unknown':
      return { missing: description.name };
  }
}

/** Answers the same data key to every message. */
function staticKeyring(dataKey: Uint8Array): Keyring {
  return {
    onEncrypt: () => Promise.reject(new Error('a static keyring only decrypts')),
    onDecrypt: (materials) => Promise.resolve({ ...materials, dataKey: Uint8Array.from(dataKey) }),
  };
}

function bytesOf(key: string, keys: Manifest['keys']): Uint8Array {
  return Buffer.from(materialOf(key, keys), 'base64');
}

function materialOf(key: string, keys: Manifest['keys']): string {
  const material = keys[key]?.material;
  if (material === undefined) throw new Error(`no key ${key} in the manifest`);
  return material;
}

const PADDINGS = {
  pkcs1: 'PKCS1-v1_5',
  'oaep-sha1-mgf1': 'OAEP-SHA-1',
  'oaep-sha256-mgf1': 'OAEP-SHA-256',
  'oaep-sha384-mgf1': 'OAEP-SHA-384',
  'oaep-sha512-mgf1': 'OAEP-SHA-512',
} as const;
