import { type AesMaterial, generateAesMaterial } from './material/aes.ts';
import { type EccMaterial, generateEccMaterial } from './material/ecc.ts';
import { generateRsaMaterial, type RsaMaterial } from './material/rsa.ts';

/** The key specs this KMS makes keys of. One row holds all that differs between them. */
export const KEY_SPECS = {
  SYMMETRIC_DEFAULT: symmetric(),
  RSA_2048: rsa(2048),
  RSA_3072: rsa(3072),
  RSA_4096: rsa(4096),
  ECC_NIST_P256: ecc('prime256v1'),
  ECC_NIST_P384: ecc('secp384r1'),
  ECC_NIST_P521: ecc('secp521r1'),
} as const satisfies Record<string, KeySpecRow>;

/** The key specs that the API has and this KMS has not. */
export const OTHER_KEY_SPECS = [
  'ECC_NIST_EDWARDS25519',
  'ECC_SECG_P256K1',
  'HMAC_224',
  'HMAC_256',
  'HMAC_384',
  'HMAC_512',
  'ML_DSA_44',
  'ML_DSA_65',
  'ML_DSA_87',
  'ML_KEM_512',
  'ML_KEM_768',
  'ML_KEM_1024',
  'SM2',
] as const;

/** A key spec that this KMS makes keys of. */
export type KeySpec = keyof typeof KEY_SPECS;
/** What keys are used for here, as the API names it. */
export type KeyUsage = 'ENCRYPT_DECRYPT' | 'KEY_AGREEMENT';
/** The algorithms of Encrypt and Decrypt, as the API names them. */
export type EncryptionAlgorithm = 'SYMMETRIC_DEFAULT' | 'RSAES_OAEP_SHA_1' | 'RSAES_OAEP_SHA_256';
/** What a key computes with; `type` tells which. */
export type KeyMaterial = AesMaterial | RsaMaterial | EccMaterial;

interface KeySpecRow {
  /** What keys of this spec are used for; a request need not name it for a symmetric key. */
  readonly usage: KeyUsage;
  readonly symmetric: boolean;
  readonly encryptionAlgorithms: readonly EncryptionAlgorithm[];
  readonly keyAgreementAlgorithms: readonly 'ECDH'[];
  generate(): Promise<KeyMaterial>;
}

/** Whether this KMS makes keys of a spec, by its name in a request. */
export function isKeySpec(name: string): name is KeySpec {
  return Object.hasOwn(KEY_SPECS, name);
}

function symmetric(): KeySpecRow {
  return {
    usage: 'ENCRYPT_DECRYPT',
    symmetric: true,
    encryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    keyAgreementAlgorithms: [],
    generate: async () => generateAesMaterial(),
  };
}

function rsa(modulusBits: number): KeySpecRow {
  return {
    usage: 'ENCRYPT_DECRYPT',
    symmetric: false,
    encryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'],
    keyAgreementAlgorithms: [],
    generate: () => generateRsaMaterial(modulusBits),
  };
}

function ecc(namedCurve: string): KeySpecRow {
  return {
    usage: 'KEY_AGREEMENT',
    symmetric: false,
    encryptionAlgorithms: [],
    keyAgreementAlgorithms: ['ECDH'],
    generate: () => generateEccMaterial(namedCurve),
  };
}
