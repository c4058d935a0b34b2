import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ChainPlace } from './chain-end.ts';
import { parseAuditLine } from './record.ts';

/** A file that can be written to again. */
export interface Mended {
  readonly handle: FileHandle;
  readonly place: ChainPlace;
  /** The bytes of half a line that were cut off. */
  readonly cutBytes: number;
}

/**
 * Opens the last file of a chain again after a write that failed: whole records that it has left stay, and half a line is
 * cut off. Rejects unless the last known record is in its place, and behind it only what the write may have left: else
 * records are missing, or another process has added some.
 *
 * @param place behind the last record that is known
 * @param attempted what was to be written there
 */
export async function mend(path: string, place: ChainPlace, attempted: Uint8Array): Promise<Mended> {
  // By its name, for the handle itself may be what failed; and not to make it anew where it is gone.
  const handle = await open(path, constants.O_RDWR | constants.O_APPEND);
  try {
    const position = place.size - place.lastLine.length;
    const expected = Buffer.concat([place.lastLine, attempted]);
    const buffer = Buffer.alloc(expected.length + 1);
    const { bytesRead } = await handle.read({ buffer, position });
    const found = buffer.subarray(0, bytesRead);
    const isAsLeft =
      (await handle.stat()).size === position + bytesRead &&
      bytesRead >= place.lastLine.length &&
      found.equals(expected.subarray(0, bytesRead));
    if (!isAsLeft) throw new Error(`${path} is not as it was left`);
    const whole = found.subarray(0, found.lastIndexOf('\n') + 1);
    const size = position + whole.length;
    const cutBytes = bytesRead - whole.length;
    // Never without need: a file that may only be appended to refuses it.
    if (cutBytes > 0) await handle.truncate(size);
    const lastLine = whole.subarray(whole.subarray(0, -1).lastIndexOf('\n') + 1);
    const { sequence, hash } = parseAuditLine(lastLine.subarray(0, -1)) ?? place.head;
    const head = { sequence, hash };
    return { handle, place: { head, size, lastLine }, cutBytes };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
