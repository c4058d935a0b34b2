import { canonicalBytes, type EncryptionContext, parseContextBytes } from '../context.ts';
import type { EncryptedDataKey } from '../encrypted-data-key.ts';
import { EncryptionSdkError, malformed } from '../errors.ts';
import { type AlgorithmSuite, suiteById } from '../suites.ts';
import { TAG_LENGTH } from './body.ts';
import { ByteWriter } from './byte-writer.ts';
import type { Cursor, Parser } from './cursor.ts';

/**
 * The parsed header of a message.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/data-format/message-header.md
 */
export interface MessageHeader {
  readonly suite: AlgorithmSuite;
  /** 16 bytes in version 1 of the format, 32 in version 2. */
  readonly messageId: Uint8Array;
  /** As stored: without the pairs that are only authenticated. */
  readonly encryptionContext: EncryptionContext;
  readonly encryptedDataKeys: readonly EncryptedDataKey[];
  readonly contentType: 'framed' | 'non-framed';
  /** Bytes of plaintext in a regular frame; 0 for non-framed messages. */
  readonly frameLength: number;
  /** 32 bytes for committing suites, empty for others. */
  readonly commitKey: Uint8Array;
}

/** IV and tag that authenticate a header. */
export interface HeaderAuthentication {
  readonly iv: Uint8Array;
  readonly tag: Uint8Array;
}

/** Bytes of a message id in messages of this suite. */
export function messageIdLength(suite: AlgorithmSuite): number {
  return FORMATS[suite.messageVersion].messageIdLength;
}

/** A new header. Its tag is still to be written. */
export interface WrittenHeader {
  readonly bytes: Uint8Array;
  /**
   * What the tag covers, and the tag, as views of `bytes`. The IV between them is always zero: a key is for one
   * message.
   */
  readonly body: Uint8Array;
  readonly tag: Uint8Array;
}

/**
 * @throws EncryptionSdkError `MATERIALS_INVALID` for an encrypted data key with a field that is too long or not Unicode
 */
export function writeHeader(header: MessageHeader): WrittenHeader {
  const format = FORMATS[header.suite.messageVersion];
  const context = canonicalBytes(header.encryptionContext);
  const writer = new ByteWriter(headerCapacity(header, context));
  writer.number(1, header.suite.messageVersion);
  writer.number(format.type.length, format.type.value);
  writer.number(2, header.suite.id);
  writer.bytes(header.messageId);
  writer.number(2, context.length);
  writer.bytes(context);
  writer.number(2, header.encryptedDataKeys.length);
  for (const { providerId, providerInfo, ciphertext } of header.encryptedDataKeys) {
    if (writer.text(providerId) > 0xffff) throw tooLongField();
    writer.number(2, providerInfo.length);
    writer.bytes(providerInfo);
    writer.number(2, ciphertext.length);
    writer.bytes(ciphertext);
  }
  writer.number(1, 1 + CONTENT_TYPES.indexOf(header.contentType));
  writer.number(format.reserved.length, format.reserved.value);
  writer.number(4, header.frameLength);
  writer.bytes(header.commitKey);
  const body = writer.written();
  if (format.authenticationIv) writer.bytes(ZERO_IV);
  writer.bytes(new Uint8Array(TAG_LENGTH));
  const bytes = writer.written();
  return { bytes, body, tag: bytes.subarray(-TAG_LENGTH) };
}

/** Upper bound of a header's bytes. A UTF-16 unit takes at most three of them. */
function headerCapacity(
  { encryptedDataKeys, messageId, commitKey }: MessageHeader,
  context: Uint8Array,
): number {
  let capacity = FIXED_FIELDS_CAPACITY + messageId.length + context.length + commitKey.length;
  for (const { providerId, providerInfo, ciphertext } of encryptedDataKeys) {
    if (providerId.length > 0xffff || providerInfo.length > 0xffff || ciphertext.length > 0xffff) {
      throw tooLongField();
    }
    if (!providerId.isWellFormed()) {
      throw new EncryptionSdkError('MATERIALS_INVALID', 'a provider id has a lone surrogate');
    }
    capacity += 6 + 3 * providerId.length + providerInfo.length + ciphertext.length;
  }
  return capacity;
}

/** A header that was read, and is not authenticated yet. */
export interface ParsedHeader {
  readonly header: MessageHeader;
  /** Bytes of the header body, which the tag covers. */
  readonly bodyLength: number;
  readonly authentication: HeaderAuthentication;
}

/**
 * A parser of one header. Nothing in its result is authenticated yet.
 *
 * The parser throws `EncryptionSdkError`: `MESSAGE_MALFORMED`, `SUITE_UNSUPPORTED`, or `TOO_MANY_ENCRYPTED_DATA_KEYS`
 * as soon as the count is read.
 */
export function readHeader(maxEncryptedDataKeys: number): Parser<ParsedHeader> {
  let start: HeaderStart | undefined;
  const encryptedDataKeys: EncryptedDataKey[] = [];
  return (cursor) => {
    start ??= readStart(cursor, maxEncryptedDataKeys);
    const { suite, messageId, encryptionContext } = start;
    while (encryptedDataKeys.length < start.count) {
      cursor.mark();
      encryptedDataKeys.push(readEncryptedDataKey(cursor));
    }
    cursor.mark();
    const format = FORMATS[suite.messageVersion];
    const contentType = CONTENT_TYPES[cursor.number(1) - 1];
    if (contentType === undefined) throw malformed('unknown content type');
    const { reserved } = format;
    if (cursor.number(reserved.length) !== reserved.value) throw malformed('reserved bytes are set');
    const frameLength = cursor.number(4);
    if ((frameLength === 0) !== (contentType === 'non-framed')) throw malformed('wrong frame length');
    const commitKey = cursor.bytes(format.commitKeyLength);
    const bodyLength = cursor.offset;
    const iv = format.authenticationIv ? cursor.bytes(ZERO_IV.length) : ZERO_IV;
    const tag = cursor.bytes(TAG_LENGTH);
    return {
      header: { suite, messageId, encryptionContext, encryptedDataKeys, contentType, frameLength, commitKey },
      bodyLength,
      authentication: { iv, tag },
    };
  };
}

/** The fields before the encrypted data keys, and their count. */
interface HeaderStart extends Pick<MessageHeader, 'suite' | 'messageId' | 'encryptionContext'> {
  /** Count of the encrypted data keys. */
  readonly count: number;
}

function readStart(cursor: Cursor, maxEncryptedDataKeys: number): HeaderStart {
  const version = cursor.number(1);
  if (version !== 1 && version !== 2) throw unknownVersion(version);
  const format = FORMATS[version];
  if (cursor.number(format.type.length) !== format.type.value) throw malformed('unknown message type');
  const suite = suiteById(cursor.number(2));
  if (suite === undefined) {
    throw new EncryptionSdkError('SUITE_UNSUPPORTED', 'unknown algorithm suite');
  }
  if (suite.messageVersion !== version) throw malformed('algorithm suite of another version');
  const messageId = cursor.bytes(format.messageIdLength);
  const encryptionContext = parseContextBytes(cursor.field());
  const count = cursor.number(2);
  if (count === 0) throw malformed('no encrypted data keys');
  assertEncryptedDataKeyCount(count, maxEncryptedDataKeys);
  return { suite, messageId, encryptionContext, count };
}

/** @throws EncryptionSdkError `TOO_MANY_ENCRYPTED_DATA_KEYS` if `count` is over the client's limit */
export function assertEncryptedDataKeyCount(count: number, maxEncryptedDataKeys: number): void {
  if (count > maxEncryptedDataKeys) {
    throw new EncryptionSdkError(
      'TOO_MANY_ENCRYPTED_DATA_KEYS',
      `${count} encrypted data keys, and ${maxEncryptedDataKeys} are allowed`,
    );
  }
}

function tooLongField(): EncryptionSdkError {
  return new EncryptionSdkError('MATERIALS_INVALID', 'a field of an encrypted data key exceeds 65,535 bytes');
}

function readEncryptedDataKey(cursor: Cursor): EncryptedDataKey {
  const providerId = cursor.text();
  if (providerId === undefined) throw malformed('a provider id is not UTF-8');
  return { providerId, providerInfo: cursor.field(), ciphertext: cursor.field() };
}

function unknownVersion(firstByte: number): EncryptionSdkError {
  // Messages of versions 1 and 2 begin with "AY" and "Ag" in base64.
  const isProbablyBase64 = firstByte === 'A'.charCodeAt(0);
  return malformed(isProbablyBase64 ? 'it looks like base64: decode it first' : 'unknown version');
}

/** Content types with the numbers 1 and 2 on the wire. */
const CONTENT_TYPES = ['non-framed', 'framed'] as const;
/** IV of the header tag, whether the header carries it or not. */
export const ZERO_IV = new Uint8Array(12);

/** Room for all fields except ids, keys and the encryption context. */
const FIXED_FIELDS_CAPACITY = 64;

const ABSENT = { length: 0, value: 0 } as const;

/** Differences between the two versions: version 1 has a type, a reserved field with the IV length, and the IV. */
const FORMATS = {
  1: {
    type: { length: 1, value: 0x80 },
    messageIdLength: 16,
    reserved: { length: 5, value: ZERO_IV.length },
    commitKeyLength: 0,
    authenticationIv: true,
  },
  2: {
    type: ABSENT,
    messageIdLength: 32,
    reserved: ABSENT,
    commitKeyLength: 32,
    authenticationIv: false,
  },
} as const;
