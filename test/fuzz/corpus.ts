import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { type AlgorithmSuiteId, encryptionClient, type Keyring } from '@holdfast/sdk';
import { FRAME_OVERHEAD } from '../../packages/sdk/src/format/body.ts';
import { type ParsedHeader, readHeader } from '../../packages/sdk/src/format/header.ts';
import { Input } from '../../packages/sdk/src/format/input.ts';
import { UnitReader } from '../../packages/sdk/src/format/unit-reader.ts';

/** From where to where a part of a message goes, in bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A good message, and where its parts are. */
export interface Sample {
  readonly message: Uint8Array;
  readonly headerBody: Span;
  readonly header: Span;
  readonly frames: readonly Span[];
  /** Empty for a message without signature. */
  readonly footer: Span;
  readonly context: Span;
  readonly encryptedDataKeys: readonly Span[];
}

/** Keyring of the whole corpus: a part of one message is good enough to be tried in another. */
export const keyring: Keyring = rawAesKeyring({
  namespace: 'fuzz',
  name: 'key',
  wrappingKey: new Uint8Array(32).fill(0x5a),
});

/** Messages of all suites, short and long, with and without context. */
export async function corpus(): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (const suite of suites) {
    const commitmentPolicy =
      suite < 0x0400 ? 'FORBID_ENCRYPT_ALLOW_DECRYPT' : 'REQUIRE_ENCRYPT_ALLOW_DECRYPT';
    const client = encryptionClient({ commitmentPolicy });
    for (const [length, encryptionContext] of contents) {
      const plaintext = new Uint8Array(length).fill(0x11);
      const { message } = await client.encrypt(plaintext, { keyring, suite, encryptionContext, frameLength });
      samples.push(sampleOf(message));
    }
  }
  return samples;
}

function sampleOf(message: Uint8Array): Sample {
  const input = new Input();
  input.push(message);
  const read = new UnitReader(readHeader(Infinity)).read(input);
  if (read === undefined) throw new Error('a message of the corpus has no header');
  const header = { start: 0, end: read.raw.length };
  const frames = framesFrom(message, header.end);
  const bodyEnd = frames.at(-1)?.end ?? header.end;
  return {
    message,
    header,
    frames,
    ...headerParts(message, read.unit),
    footer: { start: bodyEnd, end: message.length },
  };
}

function headerParts(message: Uint8Array, { header, bodyLength }: ParsedHeader) {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const contextStart = (header.suite.messageVersion === 1 ? 4 : 3) + header.messageId.length;
  const context = { start: contextStart, end: contextStart + 2 + view.getUint16(contextStart) };
  const encryptedDataKeys: Span[] = [];
  let start = context.end + 2;
  for (const key of header.encryptedDataKeys) {
    const length = 6 + key.providerId.length + key.providerInfo.length + key.ciphertext.length;
    encryptedDataKeys.push({ start, end: start + length });
    start += length;
  }
  return { headerBody: { start: 0, end: bodyLength }, context, encryptedDataKeys };
}

function framesFrom(message: Uint8Array, bodyStart: number): Span[] {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const frames: Span[] = [];
  let start = bodyStart;
  while (view.getUint32(start) !== 0xffff_ffff) {
    const end = start + FRAME_OVERHEAD.regular + frameLength;
    frames.push({ start, end });
    start = end;
  }
  frames.push({ start, end: start + FRAME_OVERHEAD.final + view.getUint32(start + 20) });
  return frames;
}

const frameLength = 16;
const suites = [
  0x0014, 0x0046, 0x0078, 0x0114, 0x0146, 0x0178, 0x0214, 0x0346, 0x0378, 0x0478, 0x0578,
] as const satisfies readonly AlgorithmSuiteId[];
const contents: [number, Record<string, string>][] = [
  [0, {}],
  [20, { purpose: 'fuzz' }],
  [70, { Tenant: '42', '\u{1f512}': 'ключ', a: '' }],
];
