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
    file: 'http/answer.ts',
    original: 'return { status: EXCEPTION_STATUS[errorName], body',
    replacement: 'return { status: EXCEPTION_STATUS[errorName] && 200, body',
    killedBy: ['knows no key that it was not given', 'fails a wrong secret'],
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
    name: 'looks at the clock for health only',
    file: 'sigv4/verify.ts',
    original: 'if (Math.abs(options.nowMs - signedAtMs) > MAX_SKEW_MS) throw',
    replacement:
      "if (head.path.endsWith('/health') && Math.abs(options.nowMs - signedAtMs) > MAX_SKEW_MS) throw",
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
    original: '    input.additionalAuthenticatedData,\n',
    replacement: '',
    killedBy: ['is the SHA-256 of additional data, metadata, IV, ciphertext and tag'],
  },
  {
    name: 'encrypts with a disabled key',
    file: 'stores.ts',
    original: "if (status !== 'ENABLED')",
    replacement: 'if (false)',
    killedBy: ['rejects Encrypt with a disabled key', 'rejects Decrypt with a disabled key'],
  },
  {
    name: 'looks at no signature',
    file: 'sigv4/verify.ts',
    original: "throw refused('signature-mismatch');",
    replacement: 'return accessKeyId;',
    killedBy: ['fails a wrong secret', 'fails a body that was changed after signing'],
  },
  {
    name: 'takes every access key id for one that it knows',
    file: 'sigv4/verify.ts',
    original: 'const credential = options.credentials.get(accessKeyId);',
    replacement: 'const [credential] = options.credentials.values();',
    killedBy: ['fails an unknown access key id, of 20, 30 and 52 characters'],
  },
  {
    name: 'believes the caller what the hash of the body is',
    file: 'sigv4/verify.ts',
    original: 'const bodyHash = sha256Hex(body);',
    replacement: "const bodyHash = headers.get('x-amz-content-sha256') ?? sha256Hex(body);",
    killedBy: ['fails an unsigned payload'],
  },
  {
    name: 'compares the signature for health only',
    file: 'sigv4/verify.ts',
    original: "throw refused('signature-mismatch');",
    replacement: "if (head.path.endsWith('/health')) throw refused('signature-mismatch');",
    killedBy: [
      'fails a wrong secret',
      'fails a body that was changed after signing',
      'fails a host that was changed after signing',
      'fails a date that was changed after signing',
      'fails a path that was changed after signing',
    ],
  },
  {
    name: 'takes signatures for other regions',
    file: 'sigv4/verify.ts',
    original: "if (!options.regions.has(region)) throw refused('scope-mismatch');",
    replacement: '',
    killedBy: ['fails a scope of a region that it does not serve'],
  },
  {
    name: 'resolves paths before it routes them',
    file: 'app.ts',
    original: 'const http = { incoming, outgoing };',
    replacement:
      "incoming.url = new URL(incoming.url ?? '', 'https://localhost').pathname;\n    const http = { incoming, outgoing };",
    killedBy: ['takes no other spelling of a path for the one that it resolves to'],
  },
  {
    name: 'leaves the length out of the additional data',
    file: 'aad.ts',
    original: 'aad.writeUInt16BE(additionalAuthenticatedData.length);',
    replacement: '',
    killedBy: ['authenticates length and bytes of additional data and metadata, as laid down'],
  },
  {
    name: 'cuts the tag to 12 bytes',
    file: 'operations/encrypt.ts',
    original: 'authenticationTag: base64(tag),',
    replacement: 'authenticationTag: base64(tag.subarray(0, 12)),',
    killedBy: ['returns a ciphertext as long as the plaintext, a tag of 16 bytes and an IV of 12 or 16'],
  },
  {
    name: 'ignores the name of the hash for the integrity value',
    file: 'wire.ts',
    original:
      "if (wantsIntegrityValue) requireValue(body, 'ciphertextDataIntegrityValueAlgorithm', 'SHA_256');",
    replacement: '',
    killedBy: ['knows no other hash for the integrity value than SHA_256'],
  },
  {
    name: 'hashes the ciphertext before the IV',
    file: 'integrity-value.ts',
    original: '    input.iv,\n    input.ciphertext,\n',
    replacement: '    input.ciphertext,\n    input.iv,\n',
    killedBy: ['is the SHA-256 of additional data, metadata, IV, ciphertext and tag'],
  },
  {
    name: 'takes URL-safe base64 as well',
    file: 'wire.ts',
    original: "if (bytes?.toString('base64') !== text) throw",
    replacement: "if (bytes?.toString('base64') !== text && bytes?.toString('base64url') !== text) throw",
    killedBy: ['rejects what is not standard base64'],
  },
  {
    name: 'takes no more than 4096 bytes of additional data',
    file: 'wire.ts',
    original: 'maxAdditionalAuthenticatedDataBytes: 8192',
    replacement: 'maxAdditionalAuthenticatedDataBytes: 4096',
    killedBy: ['takes 4300 bytes of plaintext with 8192 bytes of additional data'],
  },
  {
    name: 'rejects a kmsOperation that it has not heard of',
    file: 'wire.ts',
    original: "if (typeof text === 'string') metadata[field] = text;",
    replacement: "if (typeof text === 'string' && text !== 'BulkEncrypt') metadata[field] = text;",
    killedBy: ['rejects no kmsOperation as invalid, even one that does not exist yet'],
  },
  {
    name: 'repeats a body that it cannot read',
    file: 'wire.ts',
    original: "throw invalid('The request body is not valid JSON.');",
    replacement: "throw invalid(Buffer.from(body).toString('latin1'));",
    killedBy: ['repeats nothing of a request in an error'],
  },
  {
    name: 'does without requestMetadata',
    file: 'wire.ts',
    original: "if (!isObject(value)) throw invalid('requestMetadata must be an object.');",
    replacement: 'if (!isObject(value)) return {};',
    killedBy: [
      'rejects Encrypt, Decrypt and GetKeyMetadata without requestMetadata, or with nothing in it',
      'rejects Encrypt, Decrypt and GetKeyMetadata with requestMetadata that is no object',
    ],
  },
  {
    name: 'asks for no metadata of health',
    file: 'operations/get-health-status.ts',
    original: "requiredMetadata: ['kmsOperation', 'kmsRequestId'],",
    replacement: 'requiredMetadata: [],',
    killedBy: ['rejects a request without requestMetadata, or without one of its two fields'],
  },
  {
    name: 'tells of usages that the key does not have',
    file: 'operations/get-key-metadata.ts',
    original: "keySpec: 'AES_256', keyUsage, keyStatus",
    replacement: "keySpec: 'AES_256', keyUsage: [...keyUsage, 'ENCRYPT', 'DECRYPT'], keyStatus",
    killedBy: ['tells of a key that only encrypts', 'tells of a key that only decrypts'],
  },
  {
    name: 'fails where a key is unknown',
    file: 'stores.ts',
    original: "new XksException('KeyNotFoundException', 'The external key was not found.')",
    replacement: "new XksException('InternalException', 'The external key was not found.')",
    killedBy: ['knows no key that it was not given'],
  },
  {
    name: 'asks no client for a certificate',
    file: 'config/server.ts',
    original: 'return { certificate, key, clients };',
    replacement: 'return { certificate, key };',
    killedBy: [
      'ends the handshake of a client whose certificate is of another authority',
      'ends the handshake of a client without a certificate',
    ],
  },
  {
    name: 'answers GET with 200',
    file: 'app.ts',
    original: 'status: 405 };',
    replacement: 'status: 200 };',
    killedBy: ['rejects GET on the URI of every operation with 405'],
  },
  {
    name: 'seals other bytes where it is asked for an integrity value',
    file: 'operations/encrypt.ts',
    original: 'device.encryptChecked(input)',
    replacement: 'device.encryptChecked({ ...input, plaintext: new Uint8Array(plaintext.length) })',
    killedBy: ['returns the plaintext that was encrypted with an integrity value'],
  },
  {
    name: 'keeps the plaintext of all requests that encrypt in one place',
    file: 'operations/encrypt.ts',
    original: 'const input = { selector, aad, plaintext,',
    replacement:
      'store.latest = plaintext;\n      await new Promise((resolve) => setTimeout(resolve, 5));\n      const input = { selector, aad, plaintext: store.latest,',
    killedBy: ['returns to each of 48 requests at once the plaintext that was encrypted for it'],
  },
  {
    name: 'keeps the plaintext of all requests that decrypt in one place',
    file: 'operations/decrypt.ts',
    original: 'const response = { plaintext: base64(plaintext) };',
    replacement:
      'store.latest = base64(plaintext);\n    await new Promise((resolve) => setTimeout(resolve, 5));\n    const response = { plaintext: store.latest };',
    killedBy: ['returns to each of 48 requests at once the plaintext that was encrypted for it'],
  },
];
