import { unsafeBytes } from '#crypto';
import type { DecryptionMaterialsManager } from './cmm/cmm.ts';
import { assertMayDecrypt, type CommitmentPolicy } from './commitment-policy.ts';
import { authenticContentKey } from './content-key.ts';
import type { EncryptionContext } from './context.ts';
import type { AesGcmKey, Verifier } from './crypto/provider.ts';
import { BodyDecryptor, type BodyReader } from './decrypt-body.ts';
import { EncryptionSdkError } from './errors.ts';
import { type MessageHeader, type ParsedHeader, readHeader } from './format/header.ts';
import { Input } from './format/input.ts';
import { UnitReader } from './format/unit-reader.ts';
import { Parts } from './parts.ts';

/** What a decryption may accept, and where its keys come from. */
export interface DecryptionOptions {
  readonly commitmentPolicy: CommitmentPolicy;
  readonly maxEncryptedDataKeys: number;
  readonly cmm: DecryptionMaterialsManager;
  readonly reproducedEncryptionContext: EncryptionContext;
  readonly signal: AbortSignal | undefined;
  readonly acceptDotNet400Messages: boolean;
  /** Called before materials are asked for; throws to refuse the message. */
  readonly onUnauthenticatedHeader?: (header: MessageHeader) => void;
  /** Called when the header's tag has verified; throws to refuse the message. */
  readonly onHeader?: ((header: AuthenticHeader) => unknown) | undefined;
  /** Creates the reader of the body. Default: a `BodyDecryptor`. */
  readonly bodyReader?: BodyReaderFactory | undefined;
}

/** Takes the arguments of the constructor of `BodyDecryptor`. */
export type BodyReaderFactory = (
  header: MessageHeader,
  contentKey: AesGcmKey,
  verifier: Verifier | undefined,
) => BodyReader;

/** The plaintext of a whole message, and its header. */
export interface DecryptedMessage extends AuthenticHeader {
  readonly plaintext: Uint8Array<ArrayBuffer>;
}

/** A header whose tag has verified. */
export interface AuthenticHeader {
  readonly header: MessageHeader;
  /** Stored and reproduced pairs. */
  readonly encryptionContext: EncryptionContext;
}

/**
 * A message that is being read, in chunks of any size. Await each call before the next.
 *
 * Plaintext is released when its frame's tag has verified. In a signed message that says nothing about the writer until
 * {@link final} has returned; the plaintext of the last frame is held back until the signature has verified.
 *
 * After a rejection, with `EncryptionSdkError`, the decryptor cannot be used any more.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/client-apis/decrypt.md
 */
export class MessageDecryptor {
  readonly #options: DecryptionOptions;
  readonly #input = new Input();
  readonly #headerReader: UnitReader<ParsedHeader>;
  #authenticHeader: AuthenticHeader | undefined;
  #body: BodyReader | undefined;

  constructor(options: DecryptionOptions) {
    this.#options = options;
    this.#headerReader = new UnitReader(readHeader(options.maxEncryptedDataKeys));
  }

  /** Bytes that are held until more input or the signature arrives. */
  get bufferedBytes(): number {
    return this.#input.length + (this.#body?.heldLength ?? 0);
  }

  /** Takes a chunk and resolves to the plaintext that is ready. */
  async update(chunk: Uint8Array): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    const out = new Parts(unsafeBytes);
    await this.#read(chunk, out);
    this.#input.settle();
    return out.take();
  }

  /**
   * Ends the message, all of whose plaintext has been returned.
   *
   * @throws EncryptionSdkError `MESSAGE_INCOMPLETE` if the message is not whole
   */
  final(): AuthenticHeader {
    if (this.#body?.isComplete === true && this.#authenticHeader !== undefined) return this.#authenticHeader;
    this.wipe();
    throw new EncryptionSdkError('MESSAGE_INCOMPLETE', 'the message ends too early');
  }

  /** Resolves to the plaintext of a whole message in one array. No other call may come before or after. */
  async whole(message: Uint8Array): Promise<DecryptedMessage> {
    const out = new Parts(unsafeBytes, true);
    await this.#read(message, out);
    try {
      const { header, encryptionContext } = this.final();
      return { plaintext: out.join(), header, encryptionContext };
    } finally {
      out.wipe();
    }
  }

  /** Gives up: drops and zeroes plaintext that was not returned. */
  wipe(): void {
    this.#body?.wipe();
  }

  async #read(chunk: Uint8Array, out: Parts): Promise<void> {
    this.#input.push(chunk);
    try {
      this.#body ??= await this.#openHeader();
      await this.#body?.read(this.#input, out);
    } catch (error) {
      out.wipe();
      this.wipe();
      throw error;
    }
  }

  async #openHeader(): Promise<BodyReader | undefined> {
    const read = this.#headerReader.read(this.#input);
    if (read === undefined) return undefined;
    const { header } = read.unit;
    const { suite, encryptedDataKeys, encryptionContext } = header;
    const { commitmentPolicy, cmm, reproducedEncryptionContext, signal, bodyReader } = this.#options;
    assertMayDecrypt(commitmentPolicy, suite);
    signal?.throwIfAborted();
    this.#options.onUnauthenticatedHeader?.(header);
    const materials = await cmm.decryptionMaterials({
      commitmentPolicy,
      suite,
      encryptedDataKeys,
      encryptionContext,
      reproducedEncryptionContext,
      ...(signal && { signal }),
    });
    const contentKey = await authenticContentKey(materials, read, this.#options);
    const verifier = materials.verificationKey?.verifier();
    verifier?.update(read.raw);
    const body =
      bodyReader?.(header, contentKey, verifier) ?? new BodyDecryptor(header, contentKey, verifier);
    this.#authenticHeader = { header, encryptionContext: materials.encryptionContext };
    // A copy, because the application may write to it, and the body is read by the header that has verified.
    await this.#options.onHeader?.({ ...this.#authenticHeader, header: { ...header } });
    return body;
  }
}
