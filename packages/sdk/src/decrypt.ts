import { constantTimeEqual, yieldToEventLoop } from '#crypto';
import type { CryptographicMaterialsManager } from './cmm/cmm.ts';
import { assertMayDecrypt, type CommitmentPolicy } from './commitment-policy.ts';
import type { EncryptionContext } from './context.ts';
import { decodeEcdsaSignature } from './crypto/ecdsa-der.ts';
import type { AesGcmKey, Verifier } from './crypto/provider.ts';
import { deriveMessageKeys } from './derive.ts';
import { decryptionFailed, EncryptionSdkError } from './errors.ts';
import { FrameBinding, readFrame, readNonFramedBody, type SealedFrame, TAG_LENGTH } from './format/body.ts';
import { readFooter } from './format/footer.ts';
import { type MessageHeader, type ParsedHeader, readHeader } from './format/header.ts';
import { Input, UnitReader } from './format/input.ts';
import { headerIsAuthentic } from './header-tag.ts';
import { completeDecryptionMaterials, type DecryptionMaterials } from './materials.ts';
import { Pace } from './pace.ts';
import { COORDINATE_LENGTH } from './suites.ts';

/** What a decryption may accept, and where its keys come from. */
export interface DecryptionOptions {
  readonly commitmentPolicy: CommitmentPolicy;
  readonly maxEncryptedDataKeys: number;
  readonly cmm: CryptographicMaterialsManager;
  readonly reproducedEncryptionContext: EncryptionContext;
  readonly signal: AbortSignal | undefined;
  /** Called before materials are asked for; throws to refuse the message. */
  readonly onUnauthenticatedHeader?: (header: MessageHeader) => void;
  /** Called when the header's tag has verified; throws to refuse the message. */
  readonly onHeader?: ((header: AuthenticHeader) => unknown) | undefined;
}

/** The end of a message, and its header. */
export interface DecryptedMessage extends AuthenticHeader {
  readonly plaintext: Uint8Array;
}

/** A header whose tag has verified. */
export interface AuthenticHeader {
  readonly header: MessageHeader;
  /** Stored and reproduced pairs. */
  readonly encryptionContext: EncryptionContext;
}

/**
 * A message being read, in chunks of any size. Wait for each call before the next.
 *
 * Plaintext that comes back has a verified frame tag. In a signed message that says nothing about the writer
 * until {@link final} has resolved; the last frame is held back until then.
 *
 * Rejects with `EncryptionSdkError`, after which the decryptor is of no more use.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/client-apis/decrypt.md
 */
export class MessageDecryptor {
  readonly #options: DecryptionOptions;
  readonly #input = new Input();
  readonly #headerReader: UnitReader<ParsedHeader>;
  #authenticHeader: AuthenticHeader | undefined;
  #body: BodyDecryptor | undefined;

  constructor(options: DecryptionOptions) {
    this.#options = options;
    this.#headerReader = new UnitReader(readHeader(options.maxEncryptedDataKeys));
  }

  /** Bytes that are held until more input or the signature comes. */
  get bufferedBytes(): number {
    return this.#input.length + (this.#body?.heldLength ?? 0);
  }

  /** Takes a chunk and answers the plaintext that is ready. */
  async update(chunk: Uint8Array): Promise<Uint8Array> {
    const plaintext = await this.#read(chunk);
    this.#input.settle();
    return plaintext;
  }

  /** Takes the last chunk, which may be empty, and answers the rest of the plaintext: the message is whole. */
  async final(chunk: Uint8Array): Promise<DecryptedMessage> {
    const plaintext = await this.#read(chunk);
    if (this.#authenticHeader === undefined || this.#body?.isComplete !== true) {
      plaintext.fill(0);
      throw new EncryptionSdkError('MESSAGE_INCOMPLETE', 'the message ends too early');
    }
    return { plaintext, ...this.#authenticHeader };
  }

  async #read(chunk: Uint8Array): Promise<Uint8Array> {
    this.#input.push(chunk);
    // Plaintext is never longer than what it came in, so one allocation serves all frames of a chunk.
    const out = new Output(this.#input.length + (this.#body?.heldLength ?? 0));
    try {
      this.#body ??= await this.#openHeader();
      await this.#body?.read(this.#input, out);
    } catch (error) {
      out.wipe();
      throw error;
    }
    return out.written();
  }

  async #openHeader(): Promise<BodyDecryptor | undefined> {
    const read = this.#headerReader.read(this.#input);
    if (read === undefined) return undefined;
    const { header, bodyLength, authentication } = read.unit;
    const { commitmentPolicy, cmm, reproducedEncryptionContext, signal } = this.#options;
    assertMayDecrypt(commitmentPolicy, header.suite);
    signal?.throwIfAborted();
    this.#options.onUnauthenticatedHeader?.(header);
    const materials = await cmm.decryptionMaterials({
      commitmentPolicy,
      suite: header.suite,
      encryptedDataKeys: header.encryptedDataKeys,
      encryptionContext: header.encryptionContext,
      reproducedEncryptionContext,
      ...(signal && { signal }),
    });
    const contentKey = await messageContentKey(materials, header);
    const headerBody = read.raw.subarray(0, bodyLength);
    if (!(await headerIsAuthentic(contentKey, headerBody, authentication, materials)))
      throw decryptionFailed();
    this.#authenticHeader = { header, encryptionContext: materials.encryptionContext };
    await this.#options.onHeader?.(this.#authenticHeader);
    const verifier = materials.verificationKey?.verifier();
    verifier?.update(read.raw);
    return new BodyDecryptor(header, contentKey, verifier);
  }
}

/** The content key of a message that commits to it, if it commits at all. Wipes the data key. */
async function messageContentKey(unchecked: DecryptionMaterials, header: MessageHeader): Promise<AesGcmKey> {
  try {
    const materials = completeDecryptionMaterials(unchecked);
    if (materials.suite !== header.suite) {
      throw new EncryptionSdkError('MATERIALS_INVALID', 'the materials are for another algorithm suite');
    }
    const { suite, messageId } = header;
    const { contentKey, commitKey } = await deriveMessageKeys(suite, materials.dataKey, messageId);
    if (!constantTimeEqual(commitKey, header.commitKey)) throw decryptionFailed();
    return contentKey;
  } finally {
    unchecked.dataKey?.fill(0);
  }
}

/** Frames, footer, end of a message whose header is authentic. */
class BodyDecryptor {
  readonly #header: MessageHeader;
  readonly #contentKey: AesGcmKey;
  readonly #verifier: Verifier | undefined;
  readonly #binding: FrameBinding;
  readonly #footerReader = new UnitReader(readFooter());
  #frameReader: UnitReader<SealedFrame>;
  #sequenceNumber = 1;
  #expects: 'frame' | 'footer' | 'end' = 'frame';
  readonly #pace = new Pace();
  /** Bytes of the message that the verifier has yet to see. */
  #unverified: Uint8Array = NOTHING;
  /** The last plaintext of a signed message waits here for the signature. */
  #held: Uint8Array = NOTHING;

  constructor(header: MessageHeader, contentKey: AesGcmKey, verifier: Verifier | undefined) {
    this.#header = header;
    this.#contentKey = contentKey;
    this.#verifier = verifier;
    this.#binding = new FrameBinding(header.messageId);
    this.#frameReader = this.#nextFrame();
  }

  get heldLength(): number {
    return this.#held.length;
  }

  get isComplete(): boolean {
    return this.#expects === 'end';
  }

  /** Opens everything that is in the input. */
  async read(input: Input, out: Output): Promise<void> {
    while (this.#expects === 'frame') {
      const available = input.length;
      if (!(await this.#readFrame(input, out))) break;
      if (this.#pace.isDue(available - input.length)) {
        this.#verifyRead();
        await yieldToEventLoop();
      }
    }
    this.#verifyRead();
    if (this.#expects === 'frame') return;
    if (this.#expects === 'footer' && !(await this.#readFooter(input, out))) return;
    if (input.length > 0) {
      throw new EncryptionSdkError('MESSAGE_MALFORMED', 'there are bytes behind the end of the message');
    }
  }

  #nextFrame(): UnitReader<SealedFrame> {
    const { contentType, frameLength } = this.#header;
    const isFramed = contentType === 'framed';
    return new UnitReader(isFramed ? readFrame(frameLength, this.#sequenceNumber) : readNonFramedBody());
  }

  async #readFrame(input: Input, out: Output): Promise<boolean> {
    const read = this.#frameReader.read(input);
    if (read === undefined) return false;
    const { kind, sequenceNumber, iv, sealed } = read.unit;
    const length = sealed.length - TAG_LENGTH;
    const isLast = kind !== 'regular';
    const plaintext = isLast && this.#verifier ? new Uint8Array(length) : out.reserve(length);
    const aad = this.#binding.aad(kind, sequenceNumber, length);
    if (!(await this.#contentKey.open(iv, aad, sealed, plaintext))) throw decryptionFailed();
    this.#keepForVerifier(read.raw);
    if (isLast) {
      if (this.#verifier) this.#held = plaintext;
      this.#expects = this.#verifier ? 'footer' : 'end';
    } else {
      this.#sequenceNumber += 1;
      this.#frameReader = this.#nextFrame();
    }
    return true;
  }

  /** Frames mostly lie one behind the other: the verifier is called once for many. */
  #keepForVerifier(raw: Uint8Array): void {
    if (this.#verifier === undefined) return;
    const { buffer, byteOffset, length } = this.#unverified;
    if (raw.buffer === buffer && raw.byteOffset === byteOffset + length) {
      this.#unverified = new Uint8Array(buffer, byteOffset, length + raw.length);
      return;
    }
    this.#verifyRead();
    this.#unverified = raw;
  }

  #verifyRead(): void {
    if (this.#unverified.length > 0) this.#verifier?.update(this.#unverified);
    this.#unverified = NOTHING;
  }

  async #readFooter(input: Input, out: Output): Promise<boolean> {
    const read = this.#footerReader.read(input);
    if (read === undefined) return false;
    const curve = this.#header.suite.signature?.curve;
    const signature = curve && decodeEcdsaSignature(read.unit, COORDINATE_LENGTH[curve]);
    if (signature === undefined || !(await this.#verifier?.verify(signature))) {
      this.#held.fill(0);
      throw decryptionFailed();
    }
    out.reserve(this.#held.length).set(this.#held);
    this.#held.fill(0);
    this.#held = NOTHING;
    this.#expects = 'end';
    return true;
  }
}

/** Room for the plaintext of one call, taken when the first frame is there: a long frame comes in many calls. */
class Output {
  readonly #maxLength: number;
  #bytes = NOTHING;
  #length = 0;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  reserve(length: number): Uint8Array {
    if (this.#bytes.length === 0 && length > 0) this.#bytes = new Uint8Array(this.#maxLength);
    this.#length += length;
    return this.#bytes.subarray(this.#length - length, this.#length);
  }

  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  wipe(): void {
    this.#bytes.fill(0);
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);
