import {
  type AlgorithmSuiteId,
  decryptionClient,
  type EncryptionClient,
  encryptionClient,
  inspectUnauthenticated,
  type Keyring,
} from '@holdfast/sdk';
import { codeOf, equal, type Holds } from './outcomes.ts';

/** A message that another runtime wrote, and what it holds. */
export interface ForeignMessage {
  readonly base64: string;
  readonly plaintext: string;
}

/** Whole messages of every suite and of many lengths. */
export async function messagesHold(holds: Holds, keyring: Keyring): Promise<void> {
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
      holds(
        (await codeOf(client.decrypt(message, { keyring }))) !== undefined,
        `suite ${suite} notices a change`,
      );
    }
  }
  await longMessageHolds(holds, keyring);
  await policyHolds(holds, keyring);
}

async function longMessageHolds(holds: Holds, keyring: Keyring): Promise<void> {
  const client = encryptionClient();
  const plaintext = Uint8Array.from({ length: 2 ** 20 }, (_, i) => i >> 7);
  for (const frameLength of [4096, 'auto', 2 ** 20, 2 ** 24] as const) {
    const { message } = await client.encrypt(plaintext, { keyring, frameLength });
    const opened = await decryptionClient().decrypt(message, { keyring });
    holds(equal(opened.plaintext, plaintext), `a mebibyte in frames of ${frameLength}`);
  }
}

async function policyHolds(holds: Holds, keyring: Keyring): Promise<void> {
  const suite = 0x0178;
  const { message } = await clientFor(suite).encrypt(Uint8Array.of(1), { keyring, suite });
  const refusal = await codeOf(decryptionClient().decrypt(message, { keyring }));
  holds(refusal === 'COMMITMENT_POLICY_VIOLATED', 'the commitment policy holds');
  const header = inspectUnauthenticated(message);
  holds(header.suite.id === suite && header.messageId.length === 16, 'a header is read without a key');
  holds(header.encryptedDataKeys[0]?.providerId === 'runtimes', 'a header tells who may open the message');
}

/** Opens what another runtime wrote. */
export async function openMessages(
  holds: Holds,
  keyring: Keyring,
  foreign: readonly ForeignMessage[],
): Promise<void> {
  for (const { base64, plaintext } of foreign) {
    const message = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const client = clientFor(inspectUnauthenticated(message).suite.id);
    const opened = await client.decrypt(message, { keyring, encryptionContext: CONTEXT });
    holds(new TextDecoder().decode(opened.plaintext) === plaintext, 'messages of other runtimes open');
  }
}

/** A message of every suite, for other runtimes to open. */
export async function writeMessages(keyring: Keyring): Promise<ForeignMessage[]> {
  const written: ForeignMessage[] = [];
  for (const suite of SUITES) {
    const plaintext = `suite ${suite}`;
    const options = { keyring, suite, encryptionContext: CONTEXT };
    const { message } = await clientFor(suite).encrypt(new TextEncoder().encode(plaintext), options);
    const base64 = btoa(Array.from(message, (byte) => String.fromCharCode(byte)).join(''));
    written.push({ base64, plaintext });
  }
  return written;
}

function clientFor(suite: AlgorithmSuiteId): EncryptionClient {
  return encryptionClient({
    commitmentPolicy: suite < 0x0400 ? 'FORBID_ENCRYPT_ALLOW_DECRYPT' : 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT',
  });
}

const CONTEXT = { Tenant: '42', '\u{1f512}': 'ключ' };
const SUITES = [
  0x0014, 0x0046, 0x0078, 0x0114, 0x0146, 0x0178, 0x0214, 0x0346, 0x0378, 0x0478, 0x0578,
] as const satisfies readonly AlgorithmSuiteId[];
