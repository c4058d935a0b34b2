import type { ChildProcess } from 'node:child_process';
import { inspectUnauthenticated, type Keyring } from '@holdfast/sdk';

/** The messages that a process has written and read: it prints them in hex, a line each, and then an empty one. */
export async function messagesOf({ stdout }: ChildProcess): Promise<Uint8Array[]> {
  let text = '';
  for await (const chunk of stdout ?? []) {
    text += String(chunk);
    if (text.endsWith('\n\n')) break;
  }
  const lines = text.trim().split('\n');
  return lines.map((line) => Uint8Array.from(Buffer.from(line, 'hex')));
}

/** The data keys of messages, each of which the keyring opens. */
export async function dataKeysOf(keyring: Keyring, messages: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const dataKeys: Uint8Array[] = [];
  for (const message of messages) {
    const { suite, encryptionContext, encryptedDataKeys } = inspectUnauthenticated(message);
    const materials = { suite, encryptionContext, requiredEncryptionContextKeys: [] };
    const { dataKey } = await keyring.onDecrypt(materials, encryptedDataKeys);
    if (dataKey === undefined) throw new Error('expected a data key');
    dataKeys.push(dataKey);
  }
  return dataKeys;
}
