import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FRAME_OVERHEAD,
  MAX_UINT32,
  readFrame,
  readNonFramedBody,
  type SealedFrame,
  writeFrameHead,
} from '../../src/format/body.ts';
import { Input } from '../../src/format/input.ts';

const kinds = fc.constantFrom('regular', 'final');
const frames = fc.record({
  kind: kinds,
  sequenceNumber: fc.integer({ min: 1, max: MAX_UINT32 - 1 }),
  iv: fc.uint8Array({ minLength: 12, maxLength: 12 }),
  sealed: fc.uint8Array({ minLength: 17, maxLength: 90 }),
});

function written({ kind, sequenceNumber, iv, sealed }: Omit<SealedFrame, 'length'>): Uint8Array {
  if (kind === 'block') throw new TypeError('not a frame');
  const out = new Uint8Array(FRAME_OVERHEAD[kind] + sealed.length - 16);
  out.set(sealed, writeFrameHead(out, 0, kind, sequenceNumber, iv, sealed.length - 16));
  return out;
}

const plain = ({ kind, sequenceNumber, iv, sealed, length }: SealedFrame) => ({
  kind,
  sequenceNumber,
  iv: [...iv],
  sealed: [...sealed],
  length,
});

describe('a frame', () => {
  it('reads back as it was written, wherever it was cut', () => {
    fc.assert(
      fc.property(frames, fc.nat(150), (frame, cut) => {
        const bytes = written(frame);
        const frameLength = frame.sealed.length - 16;
        const input = new Input();
        input.push(bytes.slice(0, cut));
        const early = readFrame(input, frameLength, frame.sequenceNumber);
        expect(early === undefined).toBe(cut < bytes.length);
        input.settle();
        input.push(bytes.slice(cut));
        const read = readFrame(input, frameLength, frame.sequenceNumber);
        expect(read && plain(read)).toEqual(plain({ ...frame, length: bytes.length }));
      }),
    );
  });

  it('is refused out of sequence as soon as its number is there', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        const input = new Input();
        input.push(written(frame).subarray(0, frame.kind === 'final' ? 8 : 4));
        expect(() => readFrame(input, 4096, frame.sequenceNumber + 1)).toThrow(
          expect.objectContaining({ code: 'MESSAGE_MALFORMED' }),
        );
      }),
    );
  });

  it('is refused as the final one if it is longer than the rest', () => {
    const input = new Input();
    const [iv, sealed] = [new Uint8Array(12), new Uint8Array(16 + 11)];
    input.push(written({ kind: 'final', sequenceNumber: 1, iv, sealed }).subarray(0, 24));
    expect(() => readFrame(input, 10, 1)).toThrow(expect.objectContaining({ code: 'MESSAGE_MALFORMED' }));
    expect(readFrame(input, 11, 1)).toBeUndefined();
  });
});

describe('a body without frames', () => {
  it('is refused as soon as its length shows more than AES-GCM allows', () => {
    const input = new Input();
    input.push(Uint8Array.of(...new Uint8Array(12), 0, 0, 0, 15, 0xff, 0xff, 0xff, 0xe1));
    expect(() => readNonFramedBody(input)).toThrow(expect.objectContaining({ code: 'MESSAGE_MALFORMED' }));
  });

  it('is waited for up to the length that AES-GCM allows', () => {
    const input = new Input();
    input.push(Uint8Array.of(...new Uint8Array(12), 0, 0, 0, 15, 0xff, 0xff, 0xff, 0xe0));
    expect(readNonFramedBody(input)).toBeUndefined();
  });
});
