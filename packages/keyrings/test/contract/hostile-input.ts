import type { EncryptedDataKey, Keyring } from '@holdfast/sdk/spi';
import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { decryptionMaterials, keyringError } from '../fixtures/materials.ts';

/** A kind of keyring, and what it takes to get past its filters. */
export interface HostileInputKind {
  readonly keyring: () => Keyring;
  /** The provider ids that it opens. */
  readonly providerIds: readonly string[];
  /** A provider info that it opens. */
  readonly providerInfo: () => Uint8Array;
}

/** No encrypted data key, whatever its bytes are, makes the keyring do anything but refuse. */
export function describeHostileInput(name: string, kind: HostileInputKind): void {
  describe(`${name}, for a message that somebody made up,`, () => {
    it('fails with an error of its own', async () => {
      const keyring = kind.keyring();
      const own = kind.providerInfo();
      const bytes = fc.uint8Array({ maxLength: 600 });
      const flipped = fc
        .tuple(fc.nat(own.length - 1), fc.integer({ min: 1, max: 255 }))
        .map(([at, mask]) => own.map((byte, i) => (i === at ? byte ^ mask : byte)));
      const encryptedDataKey: fc.Arbitrary<EncryptedDataKey> = fc.record({
        providerId: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...kind.providerIds) }, fc.string()),
        providerInfo: fc.oneof(fc.constant(own), flipped, bytes),
        ciphertext: bytes,
      });
      const encryptedDataKeys = fc.array(encryptedDataKey, { maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(encryptedDataKeys, async (keys) => {
          await keyringError(keyring.onDecrypt(decryptionMaterials(), keys));
        }),
        { numRuns: 100 },
      );
    });
  });
}
