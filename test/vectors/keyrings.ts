import { hierarchicalKeyring } from '@holdfast/keyrings/hierarchical';
import { multiKeyring } from '@holdfast/keyrings/multi';
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import type { Keyring } from '@holdfast/sdk';
import type { KeyringDescription, Manifest } from './manifest.ts';
import { staticBranchKey } from './static-branch-keys.ts';

/** The keyring of a vector, or the type that this repository has no keyring for yet. */
export function vectorKeyring(
  description: KeyringDescription,
  keys: Manifest['keys'],
): { readonly keyring: Keyring } | { readonly missing: string } {
  switch (description.type) {
    case 'raw-aes': {
      const material = keys[description.key]?.material;
      if (material === undefined) throw new Error(`no key ${description.key} in the manifest`);
      return { keyring: rawAesKeyring({ ...description, wrappingKey: Buffer.from(material, 'base64') }) };
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
    case 'hierarchy': {
      const { branchKeyId, branchKeyVersion, material } = keys[description.branchKey] ?? {};
      if (branchKeyId === undefined || branchKeyVersion === undefined || material === undefined) {
        throw new Error(`no branch key ${description.branchKey} in the manifest`);
      }
      const branchKey = Buffer.from(material, 'base64');
      const keyStore = staticBranchKey({ branchKeyId, branchKeyVersion, branchKey });
      return { keyring: hierarchicalKeyring({ keyStore, branchKeyId, ttlMs: 60_000 }) };
    }
    case 'raw-rsa':
    case 'raw-ecdh':
      return { missing: description.type };
  }
}

/** Answers the same data key to every message. */
function staticKeyring(dataKey: Uint8Array): Keyring {
  return {
    onEncrypt: () => Promise.reject(new Error('a static keyring only decrypts')),
    onDecrypt: (materials) => Promise.resolve({ ...materials, dataKey: Uint8Array.from(dataKey) }),
  };
}
