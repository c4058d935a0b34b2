import { EncryptionSdkError } from './errors.ts';
import { type MessageHeader, readHeader } from './format/header.ts';
import { Input } from './format/input.ts';
import { UnitReader } from './format/unit-reader.ts';
import { assertBytes } from './options.ts';

/**
 * Reads the header of a message without any key: which suite and format it has, which keys can open it, what its
 * encryption context claims. Nothing of it is authenticated: use it to find a key or a fault, never to decide what the
 * message may do.
 *
 * @param message a whole message, or its beginning as far as the header goes
 * @throws TypeError for anything but bytes
 * @throws EncryptionSdkError `MESSAGE_MALFORMED`, `MESSAGE_INCOMPLETE` or `SUITE_UNSUPPORTED`
 * @example
 * const { suite, encryptedDataKeys } = inspectUnauthenticated(message);
 */
export function inspectUnauthenticated(message: Uint8Array): MessageHeader {
  assertBytes(message, 'message');
  const input = new Input();
  input.push(message);
  const read = new UnitReader(readHeader(Infinity)).read(input);
  if (read === undefined) throw new EncryptionSdkError('MESSAGE_INCOMPLETE', 'the header ends too early');
  return read.unit.header;
}
