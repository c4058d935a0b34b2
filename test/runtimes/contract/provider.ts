import { encryptionClient, type Keyring } from '@holdfast/sdk';
import { aesGcmKey, hmac, randomBytes } from '@holdfast/sdk/spi';
import { equal, type Holds } from './outcomes.ts';

/** Cryptography for what some runtimes refuse: many random bytes, keys without bytes, memory that can be resized. */
export async function providerHolds(holds: Holds, keyring: Keyring): Promise<void> {
  holds(randomBytes(100_000).length === 100_000, 'as many random bytes as are asked for');
  const [none, zero] = [await hmac('SHA-256', NOTHING), await hmac('SHA-256', new Uint8Array(1))];
  holds(equal(none, zero), 'HMAC takes an empty key');
  const mac = hmac('SHA-256', resizable(PLAINTEXT), resizable(PLAINTEXT));
  holds(equal(await mac, await hmac('SHA-256', PLAINTEXT, PLAINTEXT)), 'HMAC takes resizable memory');
  for (const length of [16, 24, 32]) {
    const key = await aesGcmKey(resizable(new Uint8Array(length)));
    const [iv, sealed, opened] = [resizable(new Uint8Array(12)), new Uint8Array(26), new Uint8Array(10)];
    await key.seal(iv, resizable(iv), resizable(PLAINTEXT), sealed);
    holds(await key.open(iv, iv, resizable(sealed), opened), `keys of ${length} bytes take resizable memory`);
    holds(equal(opened, PLAINTEXT), `keys of ${length} bytes seal what is in resizable memory`);
    holds(
      !(await key.open(iv, iv, resizable(NOTHING), NOTHING)),
      `keys of ${length} bytes open no empty text`,
    );
    sealed[0] = (sealed[0] ?? 0) ^ 1;
    holds(!(await key.open(iv, iv, sealed, opened)), `keys of ${length} bytes notice a change`);
  }
  await messagesHold(holds, keyring);
}

async function messagesHold(holds: Holds, keyring: Keyring): Promise<void> {
  const client = encryptionClient();
  // Too long, and no ASCII, so that a decoder reads it.
  const encryptionContext = { tenant: 'é'.repeat(100) };
  for (const suite of [0x0478, 0x0578] as const) {
    const options = { keyring, suite, encryptionContext, frameLength: 4 };
    const { message } = await client.encrypt(resizable(PLAINTEXT), options);
    const { plaintext } = await client.decrypt(resizable(message), { keyring });
    holds(equal(plaintext, PLAINTEXT), `a message of suite ${suite} comes from and to resizable memory`);
    const encryptor = client.encryptor(options);
    const written = [...(await encryptor.update(resizable(PLAINTEXT))), ...(await encryptor.final())];
    const decryptor = client.decryptor({ keyring });
    let length = 0;
    for (const part of written) {
      for (const { length: opened } of await decryptor.update(resizable(part))) length += opened;
    }
    for (const { length: opened } of await decryptor.final()) length += opened;
    holds(length === PLAINTEXT.length, `chunks of suite ${suite} come from and to resizable memory`);
  }
}

/** The same bytes in memory that can be resized. */
function resizable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const memory: unknown = Reflect.construct(ArrayBuffer, [bytes.length, { maxByteLength: bytes.length + 1 }]);
  if (!(memory instanceof ArrayBuffer)) throw new TypeError('expected a buffer');
  const copy = new Uint8Array(memory);
  copy.set(bytes);
  return copy;
}

const NOTHING = new Uint8Array(0);
const PLAINTEXT = Uint8Array.from({ length: 10 }, (_, i) => i + 7);
