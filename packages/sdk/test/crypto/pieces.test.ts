import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes.ts';
import { collectingSealer } from '../../src/collecting-sealer.ts';
import * as node from '../../src/crypto/node.ts';
import type { AesGcmKey, CryptoProvider } from '../../src/crypto/provider.ts';
import * as web from '../../src/crypto/web.ts';
import { Input } from '../../src/format/input.ts';

const providers: Record<string, CryptoProvider> = { node, web };
const iv = new Uint8Array(12).fill(1);
const aad = Uint8Array.of(7);
const rawKey = new Uint8Array(32).fill(2);
const lengths: readonly { readonly pieces: readonly number[] }[] = [
  { pieces: [] },
  { pieces: [1] },
  { pieces: [0, 20, 1] },
  { pieces: [70_000, 5, 16_384, 3] },
  { pieces: [5_000_000] },
];

const plaintextOf = (pieces: readonly number[]) =>
  new Uint8Array(pieces.reduce((sum, length) => sum + length, 0)).map((_, i) => i);

async function sealedWhole(plaintext: Uint8Array): Promise<Uint8Array> {
  const sealed = new Uint8Array(plaintext.length + 16);
  await (await node.aesGcmKey(rawKey)).seal(iv, aad, plaintext, sealed);
  return sealed;
}

/** Opens what comes in pieces that end at the offsets, and in the rest. */
async function opened(key: AesGcmKey, sealed: Uint8Array, ends: readonly number[], aad: Uint8Array) {
  const usedIv = Buffer.from(iv);
  const opener = key.opener(usedIv, aad, sealed.length - 16);
  usedIv.fill(0xee);
  const input = new Input();
  let start = 0;
  for (const end of [...ends, sealed.length]) {
    const piece = sealed.slice(start, end);
    input.push(piece);
    const plaintext = await opener.read(input);
    input.settle();
    piece.fill(0xee); // the caller uses its memory for something else
    start = Math.min(end, sealed.length);
    if (plaintext !== undefined) return { plaintext, opener, isLast: end >= sealed.length };
  }
  return undefined;
}

describe.each(Object.entries(providers))('the provider %s', (_, provider) => {
  it.each(lengths)('seals what comes piece by piece as it does in one piece (%#)', async ({ pieces }) => {
    const plaintext = plaintextOf(pieces);
    const key = await provider.aesGcmKey(rawKey);
    const started = (aad: Uint8Array) => {
      const [usedIv, usedAad] = [Buffer.from(iv), Buffer.from(aad)];
      const sealer = key.sealer?.(usedIv, usedAad) ?? collectingSealer(key, usedIv, usedAad);
      for (const used of [usedIv, usedAad]) used.fill(0xee);
      return sealer;
    };
    const [sealer, other] = [started(aad), started(Uint8Array.of(8))];
    let start = 0;
    for (const length of pieces) {
      const piece = plaintext.slice(start, start + length);
      sealer.update(piece);
      other.update(piece);
      piece.fill(0xee); // the caller uses its memory for something else
      start += length;
    }
    const sealed = await sealedWhole(plaintext);
    expect(Buffer.compare(concat(await sealer.final()), sealed)).toBe(0);
    expect(Buffer.compare(concat(await other.finalWith(aad)), sealed)).toBe(0);
  });

  it.each(lengths)(
    'opens what comes piece by piece, and not before the tag is there (%#)',
    async ({ pieces }) => {
      const plaintext = plaintextOf(pieces);
      const sealed = await sealedWhole(plaintext);
      const key = await provider.aesGcmKey(rawKey);
      for (const ends of [[], [1], [9, 40_000], [sealed.length - 3], [sealed.length - 16]]) {
        const result = await opened(
          key,
          sealed,
          ends.filter((end) => end < sealed.length),
          aad,
        );
        expect(result?.isLast).toBe(true);
        expect(Buffer.compare(concat(result?.plaintext || []), plaintext)).toBe(0);
      }
    },
  );

  it('gives out nothing of what does not verify', async () => {
    const key = await provider.aesGcmKey(rawKey);
    for (const length of [0, 1, 30_000, 200_000]) {
      const sealed = await sealedWhole(new Uint8Array(length));
      expect(await opened(key, sealed, [7], Uint8Array.of(8))).toMatchObject({ plaintext: false });
      sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
      expect(await opened(key, sealed, [7], aad)).toMatchObject({ plaintext: false });
      const failed = await opened(key, sealed, [], aad);
      expect(failed).toMatchObject({ plaintext: false });
      expect(failed?.opener.length ?? 0).toBe(0);
    }
  });

  it('can give up', async () => {
    const key = await provider.aesGcmKey(rawKey);
    const opener = key.opener(iv, aad, 1000);
    const input = new Input();
    input.push(new Uint8Array(500));
    expect(await opener.read(input)).toBeUndefined();
    opener.wipe?.();
    expect(opener.length ?? 0).toBe(0);
  });
});
