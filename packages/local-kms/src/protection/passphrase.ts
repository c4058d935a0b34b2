import { createSecretKey, type KeyObject, randomBytes, type ScryptOptions, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { open, seal } from '../cryptography/aes.ts';
import { LocalKmsError } from '../local-kms-error.ts';
import { sealingKey } from '../state/sealing.ts';
import type { Protection } from './protection.ts';

/**
 * Keeps the state under a passphrase: scrypt makes a key of it, which wraps the key that all records are sealed under.
 *
 * @param passphrase its bytes; they are copied
 * @throws RangeError for an empty passphrase
 * @throws TypeError for anything but bytes
 */
export function passphraseProtection(passphrase: Uint8Array): Protection {
  // Node would take a string, too, and in an encoding that the caller did not choose.
  if (!(passphrase instanceof Uint8Array)) throw new TypeError('passphrase: expected a Uint8Array');
  if (passphrase.length === 0) throw new RangeError('passphrase: expected one that is not empty');
  // A key object, so that printing the protection does not show the passphrase.
  const secret = createSecretKey(passphrase);
  return {
    async wrap(key, binding) {
      const salt = randomBytes(SALT_BYTES);
      const wrapping = await derived(secret, salt, COST_LOG2);
      const sealed = seal(wrapping, key, binding);
      return { type: 'passphrase', ...PARAMETERS, salt, sealed };
    },
    async unwrap(wrapped, binding) {
      if (wrapped.type !== 'passphrase') {
        throw new LocalKmsError('SECRET_WRONG', 'the state is kept under a key in a token, not a passphrase');
      }
      const key = open(await derived(secret, wrapped.salt, wrapped.costLog2), wrapped.sealed, binding);
      if (key) return key;
      throw new LocalKmsError('SECRET_WRONG', 'this is not the passphrase that the state is kept under');
    },
  };
}

async function derived(secret: KeyObject, salt: Uint8Array, costLog2: number): Promise<KeyObject> {
  const { blockSize: r, parallelization: p } = PARAMETERS;
  const N = 2 ** costLog2;
  const passphrase = secret.export();
  try {
    // Node needs a limit a little above the 128 N r bytes that it takes.
    return sealingKey(await scryptAsync(passphrase, salt, KEY_BYTES, { N, r, p, maxmem: 256 * N * r }));
  } finally {
    passphrase.fill(0);
  }
}

const scryptAsync = promisify<Uint8Array, Uint8Array, number, ScryptOptions, Uint8Array>(scrypt);
const KEY_BYTES = 32;
const SALT_BYTES = 16;
// 128 MiB and a third of a second on a machine of today.
const COST_LOG2 = 17;
const PARAMETERS = { costLog2: COST_LOG2, blockSize: 8, parallelization: 1 } as const;
