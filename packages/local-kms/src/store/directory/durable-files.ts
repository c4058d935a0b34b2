import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes a file of its owner's that is there whole or not at all, also after the machine has lost its power. */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const draft = `${path}${DRAFT_SUFFIX}`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  await syncFolder(dirname(path));
}

/** Makes what was renamed, made and deleted in a folder outlive the machine. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Of files that were not finished. */
export const DRAFT_SUFFIX = '.draft';
