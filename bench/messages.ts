import {
  buildClient,
  CommitmentPolicy,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node';
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { encryptionClient } from '@holdfast/sdk';
import type { Subject } from './compare.ts';

/** Whole messages under a raw AES key, against the AWS Encryption SDK for JavaScript. */
export async function* messages(): AsyncGenerator<Subject> {
  for (const { size, suite, frameLength } of CASES) {
    const plaintext = new Uint8Array(size).fill(7);
    const options = { encryptionContext: ENCRYPTION_CONTEXT, frameLength };
    const weEncrypt = () => ours.encrypt(plaintext, { keyring, suite, ...options });
    const theyEncrypt = () => theirs.encrypt(theirKeyring, plaintext, { suiteId: suite, ...options });
    const weDecrypt = (message: Uint8Array) => ours.decrypt(message, { keyring });
    const theyDecrypt = (message: Uint8Array) => theirs.decrypt(theirKeyring, message);

    const { message } = await weEncrypt();
    const { result: theirMessage } = await theyEncrypt();
    // What cannot read the other's messages has nothing to be compared by.
    for (const read of [await theyDecrypt(message), await weDecrypt(theirMessage)]) {
      if (Buffer.compare(read.plaintext, plaintext) !== 0) throw new Error('another plaintext');
    }
    const title = `${sizeName(size)} ${KINDS[suite]}, frames of ${sizeName(frameLength)}`;
    yield { title: `encrypt ${title}`, bytes: size, ours: weEncrypt, theirs: theyEncrypt };
    yield {
      title: `decrypt ${title}`,
      bytes: size,
      ours: () => weDecrypt(message),
      theirs: () => theyDecrypt(theirMessage),
    };
  }
}

function sizeName(bytes: number): string {
  return bytes < MiB ? `${bytes / KiB} KiB` : `${bytes / MiB} MiB`;
}

const KiB = 2 ** 10;
const MiB = 2 ** 20;
const UNSIGNED = 0x0478;
const SIGNED = 0x0578;
const KINDS = { [UNSIGNED]: 'unsigned', [SIGNED]: 'signed' } as const;
const CASES = [
  { size: KiB, suite: UNSIGNED, frameLength: 4 * KiB },
  { size: KiB, suite: SIGNED, frameLength: 4 * KiB },
  { size: 64 * KiB, suite: UNSIGNED, frameLength: 4 * KiB },
  { size: 64 * KiB, suite: SIGNED, frameLength: 4 * KiB },
  { size: MiB, suite: UNSIGNED, frameLength: 4 * KiB },
  { size: MiB, suite: UNSIGNED, frameLength: 64 * KiB },
  { size: MiB, suite: SIGNED, frameLength: 4 * KiB },
  { size: 16 * MiB, suite: UNSIGNED, frameLength: 4 * KiB },
  { size: 16 * MiB, suite: UNSIGNED, frameLength: 64 * KiB },
  { size: 16 * MiB, suite: SIGNED, frameLength: 4 * KiB },
] as const;

const ENCRYPTION_CONTEXT = { tenant: '42', purpose: 'bench' };
const NAMES = { namespace: 'bench', name: 'key' };
const wrappingKey = () => new Uint8Array(32).fill(1);

const ours = encryptionClient();
const keyring = rawAesKeyring({ ...NAMES, wrappingKey: wrappingKey() });
const theirs = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
const theirKeyring = new RawAesKeyringNode({
  keyNamespace: NAMES.namespace,
  keyName: NAMES.name,
  unencryptedMasterKey: wrappingKey(),
  wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  utf8Sorting: true,
});
