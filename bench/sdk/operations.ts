import type { Operation } from '../interleave.ts';
import type { Case } from './cases.ts';
import type { Sdk } from './side.ts';
import { decryptStream, encryptStream, floorPieces, type MessageSource } from './streams.ts';

/** Those who are compared: Holdfast, `@aws-crypto/client-node`, and the bare calls of node:crypto. */
export type SideName = 'ours' | 'peer' | 'floor';

/** What a side does for a case. One call is one message, or as many as are in flight. Loads that side. */
export async function operation(side: SideName, subject: Case, message: MessageSource): Promise<Operation> {
  return subject.form === 'stream' ? streamOf(side, subject, message) : bufferOf(side, subject);
}

async function streamOf(
  side: SideName,
  { workload, direction }: Case,
  message: MessageSource,
): Promise<Operation> {
  if (side === 'floor') {
    const { encrypt, decrypt } = (await import('./floor.ts')).floor(workload);
    if (direction === 'encrypt') {
      const { piece, repeat } = floorPieces(workload);
      return async () => encrypt(piece, repeat);
    }
    if (typeof message === 'string') throw new TypeError('message: expected bytes');
    const { sealedMessage } = await import('./sealed-message.ts');
    const sealed = sealedMessage(message);
    return async () => decrypt(sealed);
  }
  const { stream } = await sdk(side, workload);
  return direction === 'encrypt'
    ? () => encryptStream(workload, stream('encrypt'))
    : () => decryptStream(message, stream('decrypt'));
}

async function bufferOf(side: SideName, { workload, direction, inFlight }: Case): Promise<Operation> {
  const plaintext = new Uint8Array(workload.plaintextLength).fill(7);
  if (side === 'floor') {
    const { encrypt, decrypt } = (await import('./floor.ts')).floor(workload);
    const { sealedMessage } = await import('./sealed-message.ts');
    const sealed = sealedMessage(await (await sdk('ours', workload)).encrypt(plaintext));
    const call = direction === 'encrypt' ? () => encrypt(plaintext) : () => decrypt(sealed);
    return async () => {
      for (let i = 0; i < inFlight; i++) call();
    };
  }
  const { encrypt, decrypt } = await sdk(side, workload);
  const other = await sdk(side === 'ours' ? 'peer' : 'ours', workload);
  const message = await other.encrypt(plaintext);
  // What cannot read the other's messages has nothing to be compared by.
  if (Buffer.compare(await decrypt(message), plaintext) !== 0) throw new Error('another plaintext');
  const call = direction === 'encrypt' ? () => encrypt(plaintext) : () => decrypt(message);
  return inFlight === 1 ? call : () => Promise.all(Array.from({ length: inFlight }, call));
}

async function sdk(side: 'ours' | 'peer', workload: Case['workload']): Promise<Sdk> {
  return side === 'ours'
    ? (await import('./ours.ts')).ours(workload)
    : (await import('./peer.ts')).peer(workload);
}
