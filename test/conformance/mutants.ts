/** A proxy with one fault: a text of its source is replaced. */
export interface Mutant {
  /** What is wrong with it. */
  readonly name: string;
  /** Below the sources of the proxy. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly original: string;
  readonly replacement: string;
  /** Names of checks that must fail; others may fail with them. */
  readonly killedBy: readonly [string, ...string[]];
}

/** Faults that a conformance suite has to find. The first seven went unseen by a public test client. */
export const mutants: readonly Mutant[] = [
  {
    name: 'sends its errors with HTTP status 200',
    file: 'app.ts',
    original: 'status = EXCEPTION_STATUS[exception.errorName];',
    replacement: 'status = 200;',
    killedBy: ['knows no key that it was not given', 'fails a wrong secret on every operation'],
  },
  {
    name: 'decrypts everything to the same plaintext',
    file: 'operations/decrypt.ts',
    original: 'base64(plaintext)',
    replacement: 'base64(new Uint8Array(plaintext.length))',
    killedBy: ['returns the plaintext that was encrypted'],
  },
  {
    name: 'leaves its metadata out of the additional data',
    file: 'aad.ts',
    original: 'const metadataAt =',
    replacement: 'ciphertextMetadata = new Uint8Array(0);\n  const metadataAt =',
    killedBy: [
      'authenticates length and bytes of additional data and metadata, as laid down',
      'detects a change of any bit of the metadata, and its loss',
    ],
  },
  {
    name: 'does not look at the clock',
    file: 'sigv4/verify.ts',
    original: "if (Math.abs(options.nowMs - signedAtMs) > MAX_SKEW_MS) throw refused('clock-skew');",
    replacement: '',
    killedBy: [
      'fails a request of yesterday, and one of tomorrow',
      'fails a request from more than five minutes ago, or ahead',
    ],
  },
  {
    name: 'calls its keys RSA_0',
    file: 'operations/get-key-metadata.ts',
    original: "'AES_256'",
    replacement: "'RSA_0'",
    killedBy: ['tells type, usages and status of an enabled key'],
  },
  {
    name: 'encrypts everything with the same IV',
    file: 'devices/pkcs11-device.ts',
    original: 'const iv = await newIv(options);',
    replacement: 'const iv = Buffer.alloc(IV_BYTES);',
    killedBy: ['gives every encryption an IV of its own'],
  },
  {
    name: 'accepts signatures that do not cover host and date',
    file: 'sigv4/verify.ts',
    original: "const REQUIRED_SIGNED_HEADERS = ['host', 'x-amz-date'] as const;",
    replacement: 'const REQUIRED_SIGNED_HEADERS: readonly string[] = [];',
    killedBy: [
      'fails a signature that does not cover the host',
      'fails a signature that does not cover the date',
    ],
  },
  {
    name: 'gives the key other additional data than it was given',
    file: 'aad.ts',
    original: 'aad.set(additionalAuthenticatedData, 2);',
    replacement: 'aad.set(additionalAuthenticatedData.toReversed(), 2);',
    killedBy: ['authenticates length and bytes of additional data and metadata, as laid down'],
  },
  {
    name: 'takes base64 that is not canonical',
    file: 'wire.ts',
    original: "if (bytes?.toString('base64') !== text) throw",
    replacement: 'if (bytes === undefined) throw',
    killedBy: ['rejects what is not standard base64'],
  },
  {
    name: 'computes the integrity value without the additional data',
    file: 'integrity-value.ts',
    original: '    .update(input.additionalAuthenticatedData)\n',
    replacement: '',
    killedBy: ['is the SHA-256 of additional data, metadata, IV, ciphertext and tag'],
  },
  {
    name: 'encrypts with a disabled key',
    file: 'stores.ts',
    original: "if (key.status !== 'ENABLED')",
    replacement: 'if (false)',
    killedBy: ['rejects Encrypt with a disabled key', 'rejects Decrypt with a disabled key'],
  },
];
