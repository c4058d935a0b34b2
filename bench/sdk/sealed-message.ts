import { createDecipheriv } from 'node:crypto';
import { inspectUnauthenticated } from '@holdfast/sdk';
import { contextBytes } from '@holdfast/sdk/spi';
import { wrappingKey } from './side.ts';

/** The sealed parts of a message, found beforehand. */
export interface SealedMessage {
  readonly messageId: Uint8Array;
  readonly header: Sealed;
  readonly frames: readonly Sealed[];
  readonly dataKey: { readonly wrapped: Sealed; readonly bytes: Uint8Array };
  /** Present in signed messages. */
  readonly publicKey: { readonly key: Buffer; readonly format: 'der'; readonly type: 'spki' } | undefined;
  readonly signature: Uint8Array;
}

interface Sealed {
  readonly iv: Uint8Array;
  readonly aad: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** Takes apart a framed message of version 2 with one encrypted data key under the bench's wrapping key. */
export function sealedMessage(message: Uint8Array): SealedMessage {
  const { messageId, encryptionContext, encryptedDataKeys, frameLength, suite } =
    inspectUnauthenticated(message);
  const context = contextBytes(encryptionContext);
  const [key] = encryptedDataKeys;
  if (key === undefined) throw new TypeError('message: expected an encrypted data key');
  const wrapped = sealed(key.providerInfo.subarray(-IV_LENGTH), context, key.ciphertext);

  const keyLength = 6 + key.providerId.length + key.providerInfo.length + key.ciphertext.length;
  const bodyLength = 3 + messageId.length + 2 + context.length + 2 + keyLength + 5 + COMMIT_KEY_LENGTH;
  const body = message.subarray(0, bodyLength);
  let offset = bodyLength + TAG_LENGTH;
  const header = sealed(new Uint8Array(IV_LENGTH), body, message.subarray(bodyLength, offset));

  const frames: Sealed[] = [];
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  for (let isLast = false; !isLast; ) {
    isLast = view.getUint32(offset) === FINAL_FRAME_MARK;
    const content = offset + (isLast ? 4 : 0) + 4 + IV_LENGTH + (isLast ? 4 : 0);
    const length = isLast ? view.getUint32(content - 4) : frameLength;
    const end = content + length + TAG_LENGTH;
    const iv = message.subarray(offset + (isLast ? 8 : 4)).subarray(0, IV_LENGTH);
    const aad = frameAad(messageId, isLast, frames.length + 1, length);
    frames.push(sealed(iv, aad, message.subarray(content, end)));
    offset = end;
  }
  const point = encryptionContext['aws-crypto-public-key'];
  return {
    messageId,
    header,
    frames,
    dataKey: { wrapped, bytes: dataKeyOf(wrapped) },
    publicKey:
      suite.signature && point !== undefined
        ? { key: Buffer.concat([SPKI_PREFIX, Buffer.from(point, 'base64')]), format: 'der', type: 'spki' }
        : undefined,
    signature: message.subarray(offset + 2),
  };
}

function frameAad(messageId: Uint8Array, isLast: boolean, sequenceNumber: number, length: number): Buffer {
  const tail = Buffer.alloc(12);
  tail.writeUInt32BE(sequenceNumber, 0);
  tail.writeUInt32BE(length, 8);
  return Buffer.concat([
    messageId,
    Buffer.from(`AWSKMSEncryptionClient ${isLast ? 'Final ' : ''}Frame`),
    tail,
  ]);
}

function sealed(iv: Uint8Array, aad: Uint8Array, bytes: Uint8Array): Sealed {
  const end = bytes.length - TAG_LENGTH;
  return { iv, aad, ciphertext: bytes.subarray(0, end), tag: bytes.subarray(end) };
}

function dataKeyOf({ iv, aad, ciphertext, tag }: Sealed): Uint8Array {
  const decipher = createDecipheriv('aes-256-gcm', wrappingKey(), iv).setAAD(aad).setAuthTag(tag);
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
}

const IV_LENGTH = 12;
const TAG_LENGTH = 16;
const COMMIT_KEY_LENGTH = 32;
const FINAL_FRAME_MARK = 0xffff_ffff;
/** The SubjectPublicKeyInfo of a P-384 key up to the compressed point. */
const SPKI_PREFIX = Buffer.from('3046301006072a8648ce3d020106052b81040022033200', 'hex');
