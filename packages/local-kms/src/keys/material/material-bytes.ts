import type { KeyMaterial, PairMaterial } from './key-material.ts';
import { latticePrivateKeyBytes, latticePublicKeyBytes } from './lattice-pairs.ts';

/**
 * Material as the bytes that `import` of its key spec reads: a secret as it is, a private key as PKCS #8 in DER. The
 * caller wipes them.
 */
export function materialBytes(material: KeyMaterial): Buffer {
  switch (material.type) {
    case 'secret':
      return material.key.export();
    case 'pair':
      return material.privateKey.export({ format: 'der', type: 'pkcs8' });
    case 'lattice-pair':
      return latticePrivateKeyBytes(material);
  }
}

/** The public key of a pair as SubjectPublicKeyInfo, in DER. */
export function publicKeyBytes(pair: PairMaterial): Buffer {
  return pair.type === 'pair'
    ? pair.publicKey.export({ format: 'der', type: 'spki' })
    : latticePublicKeyBytes(pair);
}
