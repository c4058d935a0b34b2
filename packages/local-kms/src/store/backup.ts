import { LocalKmsError } from '../local-kms-error.ts';
import { writeNewDurably } from './directory/durable-files.ts';
import { isLog } from './directory/lines.ts';
import { decodeLog, encodeSnapshot } from './directory/state-log.ts';
import { errorCode } from './error-code.ts';
import type { Snapshot, StoreLocation } from './store.ts';

/**
 * Writes what a store holds at this time into a new file. To be read, it takes the passphrase or the token that protects the
 * state. It is there whole or not at all; after a crash perhaps in part, on a file system without hard links. A KMS may use
 * the store meanwhile. Rejects with LocalKmsError `STATE_MISSING` if there is nothing, `STATE_EXISTS` if the file
 * is there already, and as `StoreLocation.read` does; with the error of the file, such as EACCES.
 */
export async function backUp(store: StoreLocation, path: string): Promise<Snapshot> {
  const snapshot = await store.read();
  if (!snapshot) throw new LocalKmsError('STATE_MISSING', 'there is no state to back up');
  await writeNewDurably(path, encodeSnapshot(snapshot)).catch((cause: unknown) => {
    if (errorCode(cause) !== 'EEXIST') throw cause;
    throw new LocalKmsError('STATE_EXISTS', `${path} is there already: a backup is a new file`, { cause });
  });
  return snapshot;
}

/**
 * Begins a store with what is in the file of a backup. Rejects with LocalKmsError `STATE_CORRUPT` for one that is not whole,
 * `STATE_EXISTS` for a store that is not new, and as `StoreLocation.open` does.
 */
export async function restore(backup: Buffer, location: StoreLocation): Promise<Snapshot> {
  if (!isLog(backup)) throw new LocalKmsError('STATE_CORRUPT', 'the file is no backup');
  const { snapshot, bytes } = decodeLog(backup);
  if (bytes !== backup.length) throw new LocalKmsError('STATE_CORRUPT', 'the backup is not whole');
  const store = await location.open();
  try {
    await store.begin(snapshot);
  } finally {
    await store.close();
  }
  return snapshot;
}
