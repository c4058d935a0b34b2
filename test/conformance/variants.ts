import type { Mutant } from './mutants.ts';

/** Proxies that conform in another way than ours: the specification leaves it to them. */
export const variants: readonly Omit<Mutant, 'killedBy'>[] = [
  {
    name: 'authorizes no operation that it has not heard of',
    file: 'gate.ts',
    original: '  if (isAllowed) return;',
    replacement: "  if (isAllowed && metadata.kmsOperation !== 'BulkEncrypt') return;",
  },
  {
    name: 'has metadata of no bytes',
    file: 'operations/encrypt.ts',
    original: 'const ciphertextMetadata = encodeCiphertextMetadata({ keyVersion: version });',
    replacement: 'const ciphertextMetadata = new Uint8Array(0 * version);',
  },
  {
    name: 'has another message in every error',
    file: 'http/answer.ts',
    original: 'errorMessage: message }',
    replacement: 'errorMessage: `${message} ${process.hrtime.bigint()}` }',
  },
  {
    name: 'takes base64 with bits that no byte has',
    file: 'wire.ts',
    original: "if (bytes?.toString('base64') !== text) throw",
    replacement:
      "if (typeof text !== 'string' || text.length % 4 > 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw",
  },
  {
    name: 'answers KMS of every region',
    file: 'sigv4/verify.ts',
    original: "if (!options.regions.has(region)) throw refused('scope-mismatch');",
    replacement: '',
  },
  {
    name: 'takes an escaped path for the one it stands for',
    file: 'app.ts',
    original: "if (!isPlainPath(incoming.url ?? '')) return noSuchPath(http, log);",
    replacement: '',
  },
  {
    name: 'looks at no single member of requestMetadata',
    file: 'wire.ts',
    original: 'else if (text !== undefined || required.includes(field)) {',
    replacement: 'else if (required.length > 0 && Object.keys(value).length === 0) {',
  },
  {
    name: 'sends an integrity value that nobody asked for',
    file: 'operations/encrypt.ts',
    original: 'if (!wantsIntegrityValue) return answer(await device.encrypt(input), ciphertextMetadata);',
    replacement:
      'if (!wantsIntegrityValue) return { ...answer(await device.encrypt(input), ciphertextMetadata), ciphertextDataIntegrityValue: base64(Buffer.alloc(32)) };',
  },
  {
    name: 'throttles one request in five',
    file: 'gate.ts',
    original: 'const body = await authenticatedBody(incoming, store, known);',
    replacement:
      "const body = await authenticatedBody(incoming, store, known);\n  if ((store.count = 1 + (store.count ?? 0)) % 5 === 0) throw new XksException('ThrottlingException', 'Later.');",
  },
];
