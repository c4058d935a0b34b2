import type { Operation } from '../interleave.ts';
import type { Case } from './cases.ts';
import { floor } from './floor.ts';
import { ours } from './ours.ts';
import { peer } from './peer.ts';
import { sealedMessage } from './sealed-message.ts';
import { decryptStream, encryptStream, floorPieces } from './streams.ts';

/** Those who are compared: Holdfast, `@aws-crypto/client-node`, and the bare calls of node:crypto. */
export type SideName = 'ours' | 'peer' | 'floor';

/** What each side does for a case. One call is one message, or as many as are in flight. */
export async function operations(
  { workload, direction, form, inFlight }: Case,
  messagePath: string,
): Promise<Readonly<Record<SideName, Operation>>> {
  const we = ours(workload);
  const they = peer(workload);
  const least = floor(workload);
  if (form === 'stream') {
    if (direction === 'encrypt') {
      const { piece, repeat } = floorPieces(workload);
      return {
        ours: () => encryptStream(workload, we.stream('encrypt')),
        peer: () => encryptStream(workload, they.stream('encrypt')),
        floor: async () => least.encrypt(piece, repeat),
      };
    }
    const { piece, repeat } = floorPieces(workload);
    const sealed = sealedMessage(await we.encrypt(piece));
    return {
      ours: () => decryptStream(messagePath, we.stream('decrypt')),
      peer: () => decryptStream(messagePath, they.stream('decrypt')),
      floor: async () => least.decrypt(sealed, repeat),
    };
  }
  const plaintext = new Uint8Array(workload.plaintextLength).fill(7);
  const message = await we.encrypt(plaintext);
  // What cannot read the other's messages has nothing to be compared by.
  for (const read of [await they.decrypt(message), await we.decrypt(await they.encrypt(plaintext))]) {
    if (Buffer.compare(read, plaintext) !== 0) throw new Error('another plaintext');
  }
  const sealed = sealedMessage(message);
  const atOnce = (operation: Operation): Operation =>
    inFlight === 1 ? operation : () => Promise.all(Array.from({ length: inFlight }, operation));
  const inTurn =
    (call: () => void): Operation =>
    async () => {
      for (let i = 0; i < inFlight; i++) call();
    };
  return direction === 'encrypt'
    ? {
        ours: atOnce(() => we.encrypt(plaintext)),
        peer: atOnce(() => they.encrypt(plaintext)),
        floor: inTurn(() => least.encrypt(plaintext)),
      }
    : {
        ours: atOnce(() => we.decrypt(message)),
        peer: atOnce(() => they.decrypt(message)),
        floor: inTurn(() => least.decrypt(sealed)),
      };
}
