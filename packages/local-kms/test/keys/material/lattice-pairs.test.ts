import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importLatticePair, withExpandedKey } from '../../../src/keys/material/lattice-pairs.ts';
import { materialBytes, publicKeyBytes } from '../../../src/keys/material/material-bytes.ts';

/**
 * The examples of RFC 9881 and RFC 9935, all with the seed 00 01 02 …: the private key of the seed alone up to its
 * seed, the same with the expanded key up to its seed, and the SHA-256 of that key and of the public key, in DER.
 */
const EXAMPLES = [
  {
    spec: 'ML_DSA_44',
    seedHeader: '3034020100300b0609608648016503040311042280 20',
    bothHeader: '30820a3e020100300b060960864801650304031104820a2a30820a260420',
    both: 'e355e29f28e537fcf3aff28354016415146d7f801a57136c241bb6e9addfaa30',
    publicKey: '837832708c5236d951581f1fddf2b79991b3424a0486d16da1ddad0fd69701be',
  },
  {
    spec: 'ML_DSA_65',
    seedHeader: '3034020100300b0609608648016503040312042280 20',
    bothHeader: '30820ffe020100300b060960864801650304031204820fea30820fe60420',
    both: '5259463f8ec68e21b8c179a7e49dba184fd24280080bd5bb78af94d7a2a0ac81',
    publicKey: 'b8b62131bfbe84433efb2273d7f5b87f7a22854a2cfd366fc2aead86d837c52d',
  },
  {
    spec: 'ML_DSA_87',
    seedHeader: '3034020100300b0609608648016503040313042280 20',
    bothHeader: '3082135e020100300b06096086480165030403130482134a308213460420',
    both: 'c71913419ea426e99da06330e3b06b2ab47448f1aff520479358e3cb71f5c1d6',
    publicKey: '07e57c4f14dbad1267f621ec3777b4e2e6c4fbc4c22fbb87510ff8e0b3c6a642',
  },
  {
    spec: 'ML_KEM_512',
    seedHeader: '3054020100300b0609608648016503040401044280 40',
    bothHeader: '308206be020100300b0609608648016503040401048206aa308206a60440',
    both: '8426d7497a2ff1a4854b7d1ece4e8f976c721f314c3f653189f8e4b2a2bc5b0d',
    publicKey: '0e3c8b89b54202d2545f7aba2e2aaa3cffa7b6191919ad738fab35b4f313cf71',
  },
  {
    spec: 'ML_KEM_768',
    seedHeader: '3054020100300b0609608648016503040402044280 40',
    bothHeader: '308209be020100300b0609608648016503040402048209aa308209a60440',
    both: '95738d2a0b7252a16b1474b9fb4e0c8ddaa6fe70db7903ade4a385909ee0d165',
    publicKey: 'c23e23dd3d485a9256cda09358a4a286e00b373db10761eadf99f710649ca31c',
  },
  {
    spec: 'ML_KEM_1024',
    seedHeader: '3054020100300b0609608648016503040403044280 40',
    bothHeader: '30820cbe020100300b060960864801650304040304820caa30820ca60440',
    both: '91004b1817d798dd3972439b8332a3a1b862f89c4e98b4ca2accd4f21afb9abb',
    publicKey: 'd2b7480ae006a14b37c1e8a8e45ea39022e32a9b1a7b90d594c84d869c6ac420',
  },
] as const;

const SEEDS = EXAMPLES.map((example) => ({ ...example, seedHeader: hex(example.seedHeader) }));

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function seedOf(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, byte) => byte));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The form with both: its expanded key ends it, after a tag and a length of four bytes. */
function withExpanded(pair: NonNullable<ReturnType<typeof importLatticePair>>, header: string, seed: Buffer) {
  return withExpandedKey(pair, (key) =>
    Buffer.concat([hex(header), seed, Buffer.of(0x04, 0x82, key.length >> 8, key.length & 0xff), key]),
  );
}

describe('a pair of a module lattice', () => {
  test.each(SEEDS)('is that of the RFC for its seed: $spec', ({ spec, seedHeader, ...expected }) => {
    const seed = seedOf(seedHeader.at(-1) ?? 0);
    const alone = Buffer.concat([seedHeader, seed]);
    const pair = importLatticePair(spec, alone);
    if (!pair) throw new TypeError('the example is a private key');
    expect(sha256(publicKeyBytes(pair))).toBe(expected.publicKey);
    expect(materialBytes(pair)).toEqual(alone);
    const both = withExpanded(pair, expected.bothHeader, seed);
    expect(sha256(both)).toBe(expected.both);
    const again = importLatticePair(spec, both);
    expect(again && materialBytes(again)).toEqual(alone);
  });

  test('is not made of a key that does not follow from its seed, of another spec, or of a part of one', () => {
    const [example, other] = SEEDS;
    if (!example || !other) throw new TypeError('there are examples');
    const seed = seedOf(32);
    const alone = Buffer.concat([example.seedHeader, seed]);
    const pair = importLatticePair(example.spec, alone);
    if (!pair) throw new TypeError('the example is a private key');
    const both = withExpanded(pair, example.bothHeader, seed);
    const expandedAlone = withExpandedKey(pair, (key) =>
      Buffer.concat([hex('30820a18020100300b060960864801650304031104820a0404820a00'), key]),
    );
    expect(importLatticePair(other.spec, alone)).toBeUndefined();
    expect(importLatticePair(example.spec, expandedAlone)).toBeUndefined();
    for (const key of [alone, both]) {
      expect(importLatticePair(example.spec, key.subarray(1))).toBeUndefined();
      expect(importLatticePair(example.spec, Buffer.concat([key, Buffer.of(0)]))).toBeUndefined();
    }
    // A changed seed alone is another seed.
    const flips = fc.nat(both.length * 8 - 1);
    fc.assert(
      fc.property(flips, (bit) => {
        const changed = Buffer.from(both);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(importLatticePair(example.spec, changed)).toBeUndefined();
      }),
      { numRuns: 25 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(importLatticePair(example.spec, bytes)).toBeUndefined();
      }),
    );
  });

  test('has a seed that is the only way to its private key, and is in no text of it', () => {
    const [example] = SEEDS;
    if (!example) throw new TypeError('there are examples');
    const pair = importLatticePair(example.spec, Buffer.concat([example.seedHeader, seedOf(32)]));
    expect(JSON.stringify(pair)).not.toContain('"30":30');
    let lent: Uint8Array | undefined;
    if (pair) withExpandedKey(pair, (key) => void (lent = key));
    expect(lent?.every((byte) => byte === 0)).toBe(true);
  });
});
