import type { ChildProcess } from 'node:child_process';

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
