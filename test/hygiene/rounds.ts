import { type AlgorithmSuiteId, encryptionClient, type Keyring } from '@holdfast/sdk';

/** What is asked of the process. */
export interface Rounds {
  /** Messages to write and read. */
  readonly rounds: number;
  readonly suite?: AlgorithmSuiteId | undefined;
  /** Milliseconds between the last message and the search. */
  readonly waitMs?: number;
}

/**
 * Encrypts and decrypts so many messages, and collects garbage. Prints the messages in hex, a line each, and then an
 * empty one. The process then waits to have its memory searched, for as long as its input is open.
 */
export async function printMessages(
  keyring: Keyring,
  { rounds, suite = 0x0478, waitMs = 0 }: Rounds,
): Promise<void> {
  const client = encryptionClient();
  const messages: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const { message } = await client.encrypt(new Uint8Array(100), { keyring, suite });
    await client.decrypt(message, { keyring });
    messages.push(Buffer.from(message).toString('hex'));
  }
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  for (let collections = 0; collections < 5; collections++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  process.stdout.write(`${messages.join('\n')}\n\n`);
  process.stdin.resume();
}
