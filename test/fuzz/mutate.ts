import type { Sample, Span } from './corpus.ts';
import type { Random } from './random.ts';

/** Makes something of a message that is not that message, or happens to leave it as it was. */
export type Mutation = (sample: Sample, other: Sample, random: Random) => Uint8Array;

/** Blind changes, and changes that know the format. */
export const mutations: Readonly<Record<string, Mutation>> = {
  'flip bits': ({ message }, _, random) => {
    const changed = message.slice();
    for (let flips = random.integer(4); flips >= 0; flips--) {
      const at = random.integer(changed.length);
      changed[at] = (changed[at] ?? 0) ^ (1 << random.integer(8));
    }
    return changed;
  },
  'set a byte': ({ message }, _, random) =>
    message.with(random.integer(message.length), random.pick([0, 1, 2, 0x7f, 0x80, 0xfe, 0xff])),
  'set a number': ({ message }, _, random) => {
    const changed = message.slice();
    const view = new DataView(changed.buffer);
    const at = random.integer(changed.length - 8);
    const value = random.pick([0, 1, 2, 16, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]);
    if (random.integer(2) === 0) view.setUint16(at, value & 0xffff);
    else view.setUint32(at, value);
    return changed;
  },
  'cut the end': ({ message }, _, random) => message.slice(0, random.integer(message.length)),
  'cut the beginning': ({ message }, _, random) => message.slice(1 + random.integer(message.length - 1)),
  append: ({ message }, _, random) => joined(message, random.bytes(1 + random.integer(20))),
  insert: ({ message }, _, random) => {
    const at = random.integer(message.length);
    return joined(message.subarray(0, at), random.bytes(1 + random.integer(8)), message.subarray(at));
  },
  'leave out': ({ message }, _, random) => {
    const at = random.integer(message.length - 1);
    return without(message, { start: at, end: at + 1 + random.integer(message.length - at) });
  },
  repeat: ({ message }, _, random) => {
    const start = random.integer(message.length);
    const end = start + 1 + random.integer(message.length - start);
    return joined(message.subarray(0, end), message.subarray(start));
  },
  'suite of another': ({ message, ...sample }, other, random) => {
    const changed = message.slice();
    const at = suiteOffset(sample);
    const id = suiteOffset(other);
    changed.set(random.integer(2) === 0 ? other.message.subarray(id, id + 2) : random.bytes(2), at);
    return changed;
  },
  'header of another': ({ message, header }, other) =>
    joined(bytes(other.message, other.header), message.subarray(header.end)),
  'header tag of another': ({ message, header, headerBody }, other) =>
    joined(
      bytes(message, headerBody),
      other.message.subarray(other.headerBody.end, other.header.end),
      message.subarray(header.end),
    ),
  'context of another': ({ message, context }, other) =>
    replaced(message, context, bytes(other.message, other.context)),
  'encrypted data key of another': ({ message, encryptedDataKeys }, other, random) =>
    replaced(
      message,
      random.pick(encryptedDataKeys),
      bytes(other.message, random.pick(other.encryptedDataKeys)),
    ),
  'encrypted data key twice': ({ message, context, encryptedDataKeys }, other, random) => {
    const count = { start: context.end, end: context.end + 2 };
    const second = bytes(other.message, random.pick(other.encryptedDataKeys));
    const [first = count] = encryptedDataKeys;
    const at = random.integer(2) === 0 ? first.start : first.end;
    const longer = joined(message.subarray(0, at), second, message.subarray(at));
    return replaced(longer, count, Uint8Array.of(0, 2));
  },
  'frames swapped': ({ message, frames }, _, random) => {
    const [one, two] = [random.pick(frames), random.pick(frames)].sort((a, b) => a.start - b.start);
    if (one === undefined || two === undefined || one === two) return message;
    return joined(
      message.subarray(0, one.start),
      bytes(message, two),
      message.subarray(one.end, two.start),
      bytes(message, one),
      message.subarray(two.end),
    );
  },
  'frame left out': ({ message, frames }, _, random) => without(message, random.pick(frames)),
  'frame twice': ({ message, frames }, _, random) => {
    const { start, end } = random.pick(frames);
    return joined(message.subarray(0, end), message.subarray(start));
  },
  'frame of another': ({ message, frames }, other, random) =>
    replaced(message, random.pick(frames), bytes(other.message, random.pick(other.frames))),
  'sequence number': ({ message, frames }, _, random) => {
    const changed = message.slice();
    const { start } = random.pick(frames);
    const view = new DataView(changed.buffer);
    const at = view.getUint32(start) === 0xffff_ffff ? start + 4 : start;
    view.setUint32(at, random.pick([0, 1, 2, 3, 4, 5, 0xffff_fffe, 0xffff_ffff]));
    return changed;
  },
  'footer of another': ({ message, footer }, other) =>
    joined(message.subarray(0, footer.start), bytes(other.message, other.footer)),
  signature: ({ message, footer }, _, random) => {
    const signature = message.slice(Math.min(footer.start + 2, footer.end), footer.end);
    const changed = random.pick(signatureChanges)(signature, random);
    const length = Uint8Array.of(changed.length >> 8, changed.length & 0xff);
    return joined(message.subarray(0, footer.start), length, changed);
  },
};

const signatureChanges: readonly ((signature: Uint8Array, random: Random) => Uint8Array)[] = [
  () => new Uint8Array(0),
  (signature) => joined(signature, Uint8Array.of(0)),
  (signature) => joined(signature, Uint8Array.of(2, 1, 1)),
  () => Uint8Array.of(0x30, 6, 2, 1, 0, 2, 1, 0),
  () => Uint8Array.of(0x30, 6, 2, 1, 1, 2, 1, 1),
  // SEQUENCE with a long-form length.
  (signature) => joined(Uint8Array.of(0x30, 0x81), signature.subarray(1)),
  // r padded with a zero byte.
  (signature) =>
    joined(
      Uint8Array.of(0x30, (signature[1] ?? 0) + 1, 2, (signature[3] ?? 0) + 1, 0),
      signature.subarray(4),
    ),
  (signature, random) => random.bytes(signature.length),
];

function suiteOffset({ context, headerBody }: Pick<Sample, 'context' | 'headerBody'>): number {
  // Version 1 has a type byte before the suite, and a message id of 16 bytes instead of 32.
  return headerBody.start + (context.start === 20 ? 2 : 1);
}

function bytes(message: Uint8Array, { start, end }: Span): Uint8Array {
  return message.subarray(start, end);
}

function without(message: Uint8Array, span: Span): Uint8Array {
  return replaced(message, span, new Uint8Array(0));
}

function replaced(message: Uint8Array, { start, end }: Span, by: Uint8Array): Uint8Array {
  return joined(message.subarray(0, start), by, message.subarray(end));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
