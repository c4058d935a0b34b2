import type { SigningAlgorithm } from '../cryptography/signatures.ts';
import type { KeyMaterial, LatticeSpec } from './material/key-material.ts';
import {
  areHalves,
  generateEcPair,
  generateEd25519Pair,
  generateRsaPair,
  importKeyPair,
} from './material/key-pairs.ts';
import { generateLatticePair, importLatticePair } from './material/lattice-pairs.ts';
import { generateSecret, importSecret } from './material/secrets.ts';

/** The key specs this KMS makes keys of. One row holds all that differs between them. */
export const KEY_SPECS = {
  SYMMETRIC_DEFAULT: {
    type: 'symmetric',
    algorithms: { ENCRYPT_DECRYPT: ['SYMMETRIC_DEFAULT'] },
    generate: async () => generateSecret(32),
    import: (bytes) => importSecret(bytes, 32, 32),
  },
  HMAC_224: hmac('HMAC_SHA_224', 28, { maxImportBytes: 64 }),
  HMAC_256: hmac('HMAC_SHA_256', 32, { maxImportBytes: 64 }),
  HMAC_384: hmac('HMAC_SHA_384', 48, { maxImportBytes: 128 }),
  HMAC_512: hmac('HMAC_SHA_512', 64, { maxImportBytes: 128 }),
  RSA_2048: rsa(2048),
  RSA_3072: rsa(3072),
  RSA_4096: rsa(4096),
  ECC_NIST_P256: ec('prime256v1', { SIGN_VERIFY: ['ECDSA_SHA_256'], KEY_AGREEMENT: ['ECDH'] }),
  ECC_NIST_P384: ec('secp384r1', { SIGN_VERIFY: ['ECDSA_SHA_384'], KEY_AGREEMENT: ['ECDH'] }),
  ECC_NIST_P521: ec('secp521r1', { SIGN_VERIFY: ['ECDSA_SHA_512'], KEY_AGREEMENT: ['ECDH'] }),
  ECC_SECG_P256K1: ec('secp256k1', { SIGN_VERIFY: ['ECDSA_SHA_256'] }),
  ECC_NIST_EDWARDS25519: {
    type: 'asymmetric',
    algorithms: { SIGN_VERIFY: ['ED25519_SHA_512', 'ED25519_PH_SHA_512'] },
    generate: generateEd25519Pair,
    import: (pkcs8) => importKeyPair(pkcs8, (key) => key.asymmetricKeyType === 'ed25519'),
  },
  ML_DSA_44: lattice('ML_DSA_44', { SIGN_VERIFY: ['ML_DSA_SHAKE_256'] }),
  ML_DSA_65: lattice('ML_DSA_65', { SIGN_VERIFY: ['ML_DSA_SHAKE_256'] }),
  ML_DSA_87: lattice('ML_DSA_87', { SIGN_VERIFY: ['ML_DSA_SHAKE_256'] }),
  ML_KEM_512: lattice('ML_KEM_512', { ENCAPSULATE_DECAPSULATE: ['ML_KEM'] }),
  ML_KEM_768: lattice('ML_KEM_768', { ENCAPSULATE_DECAPSULATE: ['ML_KEM'] }),
  ML_KEM_1024: lattice('ML_KEM_1024', { ENCAPSULATE_DECAPSULATE: ['ML_KEM'] }),
} as const satisfies Record<string, KeySpecRow>;

/** The key specs of the API that this KMS does not have. */
export const OTHER_KEY_SPECS = ['SM2'] as const;

/** What keys are used for here, as the API names it. */
export const KEY_USAGES = [
  'ENCRYPT_DECRYPT',
  'SIGN_VERIFY',
  'GENERATE_VERIFY_MAC',
  'KEY_AGREEMENT',
  'ENCAPSULATE_DECAPSULATE',
] as const satisfies readonly (keyof AlgorithmsByUsage)[];

/** A key spec that this KMS makes keys of. */
export type KeySpec = keyof typeof KEY_SPECS;
/** What a key is used for: one of the usages of its spec. */
export type KeyUsage = (typeof KEY_USAGES)[number];
/** The algorithms of Encrypt and Decrypt, as the API names them. */
export type EncryptionAlgorithm = 'SYMMETRIC_DEFAULT' | 'RSAES_OAEP_SHA_1' | 'RSAES_OAEP_SHA_256';
/** The algorithms of GenerateMac and VerifyMac. */
export type MacAlgorithm = 'HMAC_SHA_224' | 'HMAC_SHA_256' | 'HMAC_SHA_384' | 'HMAC_SHA_512';

interface AlgorithmsByUsage {
  readonly ENCRYPT_DECRYPT?: readonly EncryptionAlgorithm[];
  readonly SIGN_VERIFY?: readonly SigningAlgorithm[];
  readonly GENERATE_VERIFY_MAC?: readonly MacAlgorithm[];
  readonly KEY_AGREEMENT?: readonly 'ECDH'[];
  readonly ENCAPSULATE_DECAPSULATE?: readonly 'ML_KEM'[];
}

interface KeySpecRow {
  /** Aliases move between keys of one type only. */
  readonly type: 'symmetric' | 'hmac' | 'asymmetric';
  /** The usages of the spec, each with its algorithms. */
  readonly algorithms: AlgorithmsByUsage;
  generate(): Promise<KeyMaterial>;
  /** Reads material, raw or in PKCS #8; undefined if it is not of this spec. */
  import(bytes: Uint8Array): KeyMaterial | undefined;
}

/** The row of a spec, with what all rows have in common. */
export function keySpecRow(spec: KeySpec): KeySpecRow {
  return KEY_SPECS[spec];
}

/** Reads material that was made elsewhere; undefined if it is not of the spec, or if the halves of a pair do not match. */
export function foreignMaterial(spec: KeySpec, bytes: Uint8Array): KeyMaterial | undefined {
  const material = keySpecRow(spec).import(bytes);
  return material?.type === 'pair' && !areHalves(material) ? undefined : material;
}

/** Whether this KMS makes keys of a spec, by its name in a request. */
export function isKeySpec(name: string): name is KeySpec {
  return Object.hasOwn(KEY_SPECS, name);
}

function hmac(
  algorithm: MacAlgorithm,
  length: number,
  { maxImportBytes }: { maxImportBytes: number },
): KeySpecRow {
  return {
    type: 'hmac',
    algorithms: { GENERATE_VERIFY_MAC: [algorithm] },
    generate: async () => generateSecret(length),
    import: (bytes) => importSecret(bytes, length, maxImportBytes),
  };
}

function rsa(modulusBits: number): KeySpecRow {
  return {
    type: 'asymmetric',
    algorithms: {
      ENCRYPT_DECRYPT: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'],
      SIGN_VERIFY: [
        'RSASSA_PKCS1_V1_5_SHA_256',
        'RSASSA_PKCS1_V1_5_SHA_384',
        'RSASSA_PKCS1_V1_5_SHA_512',
        'RSASSA_PSS_SHA_256',
        'RSASSA_PSS_SHA_384',
        'RSASSA_PSS_SHA_512',
      ],
    },
    generate: () => generateRsaPair(modulusBits),
    import: (pkcs8) =>
      importKeyPair(
        pkcs8,
        (key) => key.asymmetricKeyType === 'rsa' && key.asymmetricKeyDetails?.modulusLength === modulusBits,
      ),
  };
}

function ec(namedCurve: string, algorithms: AlgorithmsByUsage): KeySpecRow {
  return {
    type: 'asymmetric',
    algorithms,
    generate: () => generateEcPair(namedCurve),
    import: (pkcs8) => importKeyPair(pkcs8, (key) => key.asymmetricKeyDetails?.namedCurve === namedCurve),
  };
}

function lattice(spec: LatticeSpec, algorithms: AlgorithmsByUsage): KeySpecRow {
  return {
    type: 'asymmetric',
    algorithms,
    generate: async () => generateLatticePair(spec),
    import: (pkcs8) => importLatticePair(spec, pkcs8),
  };
}
