import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FRAME_OVERHEAD,
  type FrameHead,
  MAX_UINT32,
  readFrameHead,
  readNonFramedHead,
  writeFrameHead,
} from '../../src/format/body.ts';
import { Input } from '../../src/format/input.ts';

const frames = fc.record({
  kind: fc.constantFrom('regular', 'final'),
  sequenceNumber: fc.integer({ min: 1, max: MAX_UINT32 - 1 }),
  iv: fc.uint8Array({ minLength: 12, maxLength: 12 }),
  contentLength: fc.integer({ min: 1, max: 2 ** 20 }),
});

type Frame = Pick<FrameHead, 'contentLength'> & {
  readonly sequenceNumber: number;
  readonly kind: 'regular' | 'final';
  readonly iv: Uint8Array;
};

function written({ kind, sequenceNumber, iv, contentLength }: Frame): Uint8Array {
  const out = new Uint8Array(FRAME_OVERHEAD[kind] - 16);
  expect(writeFrameHead(out, 0, kind, sequenceNumber, iv, contentLength)).toBe(out.length);
  return out;
}

describe('the head of a frame', () => {
  it('reads back as it was written, wherever it was cut', () => {
    fc.assert(
      fc.property(frames, fc.nat(40), (frame, cut) => {
        const { iv, sequenceNumber, ...rest } = frame;
        const bytes = written(frame);
        const input = new Input();
        input.push(bytes.slice(0, cut));
        const early = readFrameHead(input, frame.contentLength, sequenceNumber);
        expect(early === undefined).toBe(cut < bytes.length);
        input.settle();
        input.push(bytes.slice(cut));
        const read = readFrameHead(input, frame.contentLength, sequenceNumber);
        expect(read).toMatchObject({ ...rest, headLength: bytes.length });
        const raw = input.take(bytes.length);
        expect(read && raw.slice(read.ivOffset, read.ivOffset + 12)).toEqual(iv);
      }),
    );
  });

  it('is refused out of sequence as soon as its number is there', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        const input = new Input();
        input.push(written(frame).subarray(0, frame.kind === 'final' ? 8 : 4));
        expect(() => readFrameHead(input, 4096, frame.sequenceNumber + 1)).toThrow(
          expect.objectContaining({ code: 'MESSAGE_MALFORMED' }),
        );
      }),
    );
  });

  it('is refused as the final one if it is longer than the rest', () => {
    const input = new Input();
    const iv = new Uint8Array(12);
    input.push(written({ kind: 'final', sequenceNumber: 1, iv, contentLength: 11 }));
    expect(() => readFrameHead(input, 10, 1)).toThrow(expect.objectContaining({ code: 'MESSAGE_MALFORMED' }));
    expect(readFrameHead(input, 11, 1)).toMatchObject({ contentLength: 11 });
  });
});

describe('a body without frames', () => {
  it('is refused as soon as its length shows more than AES-GCM allows', () => {
    const input = new Input();
    input.push(Uint8Array.of(...new Uint8Array(12), 0, 0, 0, 15, 0xff, 0xff, 0xff, 0xe1));
    expect(() => readNonFramedHead(input)).toThrow(expect.objectContaining({ code: 'MESSAGE_MALFORMED' }));
  });

  it('is taken up to the length that AES-GCM allows', () => {
    const input = new Input();
    input.push(Uint8Array.of(...new Uint8Array(12), 0, 0, 0, 15, 0xff, 0xff, 0xff, 0xe0));
    expect(readNonFramedHead(input)).toMatchObject({ contentLength: 2 ** 36 - 32 });
  });
});
