import { type ChunkTransform, encryptionClient, iterate, type Keyring, transformStream } from '@holdfast/sdk';
import { codeOf, equal, type Holds } from './outcomes.ts';

/** Web streams and iterables in both directions, and what a stream does about signatures. */
export async function streamsHold(holds: Holds, keyring: Keyring): Promise<void> {
  const client = encryptionClient();
  const plaintext = Uint8Array.from({ length: 300_000 }, (_, i) => i * 3);
  for (const suite of [0x0478, 0x0578] as const) {
    for (const [name, through] of Object.entries(WAYS)) {
      const message = await through(client.encryptor({ keyring, suite }), plaintext);
      const opened = await client.decrypt(message, { keyring });
      holds(equal(opened.plaintext, plaintext), `${name} encrypts with suite ${suite}`);
      const again = await through(client.decryptor({ keyring }), message);
      holds(equal(again, plaintext), `${name} decrypts with suite ${suite}`);
      const cut = through(client.decryptor({ keyring }), message.subarray(0, -1));
      holds((await codeOf(cut)) === 'MESSAGE_INCOMPLETE', `${name} fails for what ends early`);
    }
  }
  await signaturesHold(holds, keyring);
}

async function signaturesHold(holds: Holds, keyring: Keyring): Promise<void> {
  const client = encryptionClient();
  const { message } = await client.encrypt(new Uint8Array(20_000), { keyring, suite: 0x0578 });
  const [body, end] = [message.subarray(0, -1), message.slice(-1)];
  const holding = client.decryptor({ keyring });
  holds((await holding.update(body)).length === 0, 'nothing comes out before the signature');
  await holding.update(end);
  holds(joined(await holding.final()).length === 20_000, 'everything comes out behind the signature');

  const deceived = client.decryptor({ keyring });
  await deceived.update(body);
  end[0] = (end[0] ?? 0) ^ 1;
  const isRefused = (await codeOf(deceived.update(end))) === 'DECRYPTION_FAILED';
  holds(isRefused, 'a wrong signature is refused');

  const strict = client.decryptor({ keyring, signedMessages: 'refuse' });
  const refusal = await codeOf(strict.update(message));
  holds(refusal === 'SIGNED_MESSAGE_REFUSED', 'signed messages are refused where they are not wanted');
  const unsafe = client.decryptor({ keyring, signedMessages: 'unsafeReleaseBeforeSignature' });
  holds((await unsafe.update(body)).length > 0, 'frames come out early where that is asked for');
}

async function throughStream(transform: ChunkTransform, input: Uint8Array): Promise<Uint8Array> {
  const parts = pieces(input);
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { value, done } = parts.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
  });
  const reader = source.pipeThrough(transformStream(transform)).getReader();
  const output: Uint8Array[] = [];
  for (let read = await reader.read(); !read.done; read = await reader.read()) output.push(read.value);
  return joined(output);
}

async function throughIterable(transform: ChunkTransform, input: Uint8Array): Promise<Uint8Array> {
  const output: Uint8Array[] = [];
  for await (const part of iterate(transform, pieces(input))) output.push(part);
  return joined(output);
}

/** Pieces of lengths that fit no frame. */
function* pieces(bytes: Uint8Array): Generator<Uint8Array, undefined> {
  for (let start = 0; start < bytes.length; start += PIECE_LENGTH) {
    yield bytes.subarray(start, start + PIECE_LENGTH);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

const WAYS = { 'a stream': throughStream, 'an iterable': throughIterable };
const PIECE_LENGTH = 70_001;
