// What must hold on every runtime: no test framework, nothing but the packages and what all runtimes have.
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import {
  type AlgorithmSuiteId,
  cachingCmm,
  encryptionClient,
  inspectUnauthenticated,
  iterate,
  localCache,
  requiredEncryptionContextCmm,
  transformStream,
} from '@holdfast/sdk';

/** A message that another runtime wrote, and what it holds. */
export interface ForeignMessage {
  readonly base64: string;
  readonly plaintext: string;
}

/** Checks everything; throws at the first thing that does not hold. Answers how many did. */
export async function contract(foreign: readonly ForeignMessage[]): Promise<number> {
  let held = 0;
  const holds = (fact: boolean, title: string): void => {
    if (!fact) throw new Error(`does not hold: ${title}`);
    held += 1;
  };
  for (const { base64, plaintext } of foreign) {
    const message = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const opened = await clientFor(inspectUnauthenticated(message).suite.id).decrypt(message, { keyring });
    holds(new TextDecoder().decode(opened.plaintext) === plaintext, 'messages of other runtimes open');
  }
  for (const suite of SUITES) {
    const client = clientFor(suite);
    for (const length of [0, 1, 16, 100, 70_000]) {
      const plaintext = Uint8Array.from({ length }, (_, i) => i * 7);
      const { message } = await client.encrypt(plaintext, { keyring, suite, encryptionContext: CONTEXT });
      const opened = await client.decrypt(message, { keyring });
      holds(equal(opened.plaintext, plaintext), `suite ${suite} holds ${length} bytes`);
      holds(opened.encryptionContext['\u{1f512}'] === 'ключ', `suite ${suite} keeps its context`);
      const at = message.length - 1;
      message[at] = (message[at] ?? 0) ^ 1;
      holds(await isRefused(client.decrypt(message, { keyring })), `suite ${suite} notices a change`);
    }
  }
  const client = encryptionClient();
  const long = new Uint8Array(300_000).fill(3);
  const parts: Uint8Array[] = [];
  const source = [long.subarray(0, 100_000), long.subarray(100_000)];
  for await (const part of iterate(client.encryptor({ keyring }), source)) parts.push(part);
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  }).pipeThrough(transformStream(client.decryptor({ keyring })));
  const streamed = new Uint8Array(await new Response(stream).arrayBuffer());
  holds(equal(streamed, long), 'streams carry a message');

  const cache = localCache({ capacity: 10 });
  const cached = { cmm: cachingCmm({ keyring, cache, ttlMs: 60_000 }) };
  await Promise.all(Array.from({ length: 20 }, () => client.encrypt(long.subarray(0, 10), cached)));
  holds(cache.counters().loads === 1, 'callers at the same time share one data key');
  const cmm = requiredEncryptionContextCmm({ keyring, requiredEncryptionContextKeys: ['tenant'] });
  const { message } = await client.encrypt(long, { cmm, encryptionContext: { tenant: '42' } });
  holds(await isRefused(client.decrypt(message, { keyring })), 'required pairs are not stored');
  const reproduced = await client.decrypt(message, { cmm, encryptionContext: { tenant: '42' } });
  holds(equal(reproduced.plaintext, long), 'required pairs open the message');
  return held;
}

/** Messages of all suites, for other runtimes to open. */
export async function messages(): Promise<ForeignMessage[]> {
  const written: ForeignMessage[] = [];
  for (const suite of SUITES) {
    const plaintext = `suite ${suite}`;
    const options = { keyring, suite, encryptionContext: CONTEXT };
    const { message } = await clientFor(suite).encrypt(new TextEncoder().encode(plaintext), options);
    written.push({
      base64: btoa(Array.from(message, (byte) => String.fromCharCode(byte)).join('')),
      plaintext,
    });
  }
  return written;
}

function clientFor(suite: AlgorithmSuiteId) {
  return encryptionClient({
    commitmentPolicy: suite < 0x0400 ? 'FORBID_ENCRYPT_ALLOW_DECRYPT' : 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT',
  });
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

async function isRefused(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return false;
  } catch (error) {
    return error instanceof Error && error.name === 'EncryptionSdkError';
  }
}

const keyring = rawAesKeyring({
  namespace: 'runtimes',
  name: 'key',
  wrappingKey: Uint8Array.from({ length: 32 }, (_, i) => i + 1),
});
const CONTEXT = { Tenant: '42', '\u{1f512}': 'ключ' };
const SUITES = [
  0x0014, 0x0046, 0x0078, 0x0114, 0x0146, 0x0178, 0x0214, 0x0346, 0x0378, 0x0478, 0x0578,
] as const satisfies readonly AlgorithmSuiteId[];
