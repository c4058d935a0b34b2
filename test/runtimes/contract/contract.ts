// What must hold on every runtime: no test framework, nothing but the packages and what all runtimes have.
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { materialsHold } from './materials.ts';
import { type ForeignMessage, messagesHold, openMessages, writeMessages } from './messages.ts';
import type { Holds } from './outcomes.ts';
import { providerHolds } from './provider.ts';
import { streamsHold } from './streams.ts';

/** What a runtime found, and what it wrote, for others to open. */
export interface Report {
  readonly held: number;
  readonly messages: readonly ForeignMessage[];
}

/** Checks everything, and that messages of another runtime open; throws at the first thing that does not hold. */
export async function contract(foreign: readonly ForeignMessage[]): Promise<Report> {
  let held = 0;
  const holds: Holds = (fact, title) => {
    if (!fact) throw new Error(`does not hold: ${title}`);
    held += 1;
  };
  // Made here: Cloudflare's workers have no cryptography outside of requests.
  const keyring = rawAesKeyring({ namespace: 'runtimes', name: 'key', wrappingKey: WRAPPING_KEY });
  await openMessages(holds, keyring, foreign);
  for (const part of [providerHolds, messagesHold, streamsHold, materialsHold]) await part(holds, keyring);
  return { held, messages: await writeMessages(keyring) };
}

const WRAPPING_KEY = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
