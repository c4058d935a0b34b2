import { createRequire } from 'node:module';
import type * as pkcs11js from 'pkcs11js';
import { Pkcs11Error } from '../errors.ts';

/** The functions of one loaded module, as pkcs11js offers them. */
export type Cryptoki = pkcs11js.PKCS11;

/** A session, object or slot handle: opaque bytes. */
export type Handle = pkcs11js.Handle;

/** Attributes of an object, for a search or a new object. */
export type Template = pkcs11js.Template;

/** A mechanism with its parameters. */
export type Mechanism = pkcs11js.Mechanism;

/**
 * Loads a PKCS#11 module file; nothing is initialised yet.
 *
 * @throws Pkcs11Error BINDING_UNAVAILABLE, MODULE_UNAVAILABLE
 */
export function loadCryptoki(path: string): Cryptoki {
  const { PKCS11 } = loadBinding();
  try {
    return new PKCS11(path);
  } catch (cause) {
    throw new Pkcs11Error('MODULE_UNAVAILABLE', `${path} cannot be loaded as a PKCS#11 module`, { cause });
  }
}

/** Initialises a module that was loaded, with locks of the operating system and the module's own parameters. */
export function initializeCryptoki(cryptoki: Cryptoki, parameters: string | undefined): void {
  cryptoki.C_Initialize({
    flags: CKF_OS_LOCKING_OK,
    // pkcs11js 2.1.7 cuts off the last byte; a blank does no harm where it is kept.
    ...(parameters === undefined ? {} : { libraryParameters: `${parameters} ` }),
  });
}

// A static import would fail before this package could say what to do about a missing binding.
function loadBinding(): typeof pkcs11js {
  let isFound = false;
  try {
    // A bundle in CommonJS has no import.meta.url, and createRequire throws.
    const require = createRequire(import.meta.url);
    const path = require.resolve('pkcs11js');
    isFound = true;
    const loaded: unknown = require(path);
    if (isBinding(loaded)) return loaded;
  } catch (cause) {
    throw new Pkcs11Error('BINDING_UNAVAILABLE', isFound ? notLoaded(cause) : NOT_FOUND, { cause });
  }
  throw new Pkcs11Error('BINDING_UNAVAILABLE', 'the installed pkcs11js offers no PKCS11 class');
}

/** What is wrong with a binding that was found, and what to do about it. */
function notLoaded(cause: unknown): string {
  if (!(cause instanceof Error)) return 'pkcs11js cannot be loaded';
  const code = 'code' in cause ? cause.code : undefined;
  if (code === 'MODULE_NOT_FOUND') return `the native addon of pkcs11js is not built: ${REBUILD}`;
  const why = `pkcs11js cannot be loaded: ${cause.message}`;
  if (code !== 'ERR_DLOPEN_FAILED') return why;
  const [, library] = MISSING_LIBRARY.exec(cause.message) ?? [];
  if (library !== undefined && !OF_C_LIBRARY.test(library))
    return `${why}: install ${library} on this machine`;
  const [, problem] = ADDON_PROBLEMS.find(([pattern]) => pattern.test(cause.message)) ?? [];
  return `${why}: ${problem ?? `it was built for another system or processor, or is damaged: ${REBUILD}`}`;
}

function isBinding(loaded: unknown): loaded is typeof pkcs11js {
  return (
    typeof loaded === 'object' && loaded !== null && 'PKCS11' in loaded && typeof loaded.PKCS11 === 'function'
  );
}

const NOT_FOUND =
  'pkcs11js is not found: install it, as `npm ci` does, or if the program is bundled, keep @holdfast/pkcs11 external';
const REBUILD =
  'run `npm rebuild pkcs11js --ignore-scripts=false` on this machine, with a C++ compiler and Python';
// As the loaders of glibc and musl say it; the first one says the same of an addon for another processor, by its path.
const MISSING_LIBRARY =
  /^(?:Error loading shared library )?([^\s/]+\.so[\d.]*): (?:cannot open shared object file: )?No such file/;
/** Parts of the C library that an addon was built for: to install another one would not help. */
const OF_C_LIBRARY = /^(?:libc\.|ld-)/;
const ADDON_PROBLEMS: readonly (readonly [pattern: RegExp, problem: string])[] = [
  [/NODE_MODULE_VERSION|self-register/, `it was built for another Node.js: ${REBUILD}`],
  [/GLIBC|symbol|shared library|^lib.*\.so/, `it was built for another C library: ${REBUILD}`],
  [
    /Permission denied|failed to map segment|not permitted/,
    'let the user read it, on a file system that is not mounted with noexec',
  ],
];
// Numbers of PKCS #11 v2.40; CK_PARAMS_… are pkcs11js's names for the structures CK_GCM_PARAMS and CK_RSA_PKCS_OAEP_PARAMS.
export const CKA_CLASS = 0x0;
export const CKA_TOKEN = 0x1;
export const CKA_PRIVATE = 0x2;
export const CKA_LABEL = 0x3;
export const CKA_VALUE = 0x11;
export const CKA_KEY_TYPE = 0x100;
export const CKA_ID = 0x102;
export const CKA_SENSITIVE = 0x103;
export const CKA_ENCRYPT = 0x104;
export const CKA_DECRYPT = 0x105;
export const CKA_WRAP = 0x106;
export const CKA_UNWRAP = 0x107;
export const CKA_SIGN = 0x108;
export const CKA_SIGN_RECOVER = 0x109;
export const CKA_VERIFY = 0x10a;
export const CKA_VERIFY_RECOVER = 0x10b;
export const CKA_DERIVE = 0x10c;
export const CKA_MODULUS = 0x120;
export const CKA_MODULUS_BITS = 0x121;
export const CKA_PUBLIC_EXPONENT = 0x122;
export const CKA_PRIVATE_EXPONENT = 0x123;
export const CKA_PRIME_1 = 0x124;
export const CKA_PRIME_2 = 0x125;
export const CKA_EXPONENT_1 = 0x126;
export const CKA_EXPONENT_2 = 0x127;
export const CKA_COEFFICIENT = 0x128;
export const CKA_VALUE_LEN = 0x161;
export const CKA_EXTRACTABLE = 0x162;
export const CKA_LOCAL = 0x163;
const CKF_OS_LOCKING_OK = 0x2;
export const CKF_RW_SESSION = 0x2;
export const CKF_SERIAL_SESSION = 0x4;
export const CKF_TOKEN_INITIALIZED = 0x400;
export const CKF_USER_PIN_INITIALIZED = 0x8;
export const CKG_MGF1_SHA1 = 0x1;
export const CKG_MGF1_SHA256 = 0x2;
export const CKG_MGF1_SHA384 = 0x3;
export const CKG_MGF1_SHA512 = 0x4;
export const CKK_AES = 0x1f;
export const CKK_RSA = 0x0;
export const CKM_AES_GCM = 0x1087;
export const CKM_AES_KEY_GEN = 0x1080;
export const CKM_RSA_PKCS = 0x1;
export const CKM_RSA_PKCS_KEY_PAIR_GEN = 0x0;
export const CKM_RSA_PKCS_OAEP = 0x9;
export const CKM_SHA_1 = 0x220;
export const CKM_SHA256 = 0x250;
export const CKM_SHA384 = 0x260;
export const CKM_SHA512 = 0x270;
export const CKO_PRIVATE_KEY = 0x3;
export const CKO_PUBLIC_KEY = 0x2;
export const CKO_SECRET_KEY = 0x4;
export const CKS_USER_FUNCTIONS = [1, 3];
export const CKU_SO = 0;
export const CKU_USER = 1;
export const CKZ_DATA_SPECIFIED = 0x1;
export const CK_PARAMS_GCM = 0x19;
export const CK_PARAMS_RSA_OAEP = 0x4;
