import { openModule } from '@holdfast/pkcs11';
import { findModule, type TemporaryToken, temporaryToken } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copiesInMemory } from './memory.ts';
import { dataKeysOf, messagesOf } from './messages.ts';
import { tokenKeyKinds, tokenKeyring } from './pkcs11-keyrings.ts';
import { startChild } from './start-child.ts';

const missing =
  findModule() === undefined ? ' (no PKCS#11 module: install SoftHSM2 or set PKCS11_MODULE)' : '';
let temporary: TemporaryToken;

describe.skipIf(process.platform !== 'linux' || missing !== '')(
  `after 100 messages there and back${missing}`,
  () => {
    beforeAll(() => {
      temporary = temporaryToken();
      const module = openModule({ path: temporary.modulePath });
      const token = module.openToken({ label: temporary.label, pin: temporary.pin });
      token.generateKey({ label: 'AES' });
      token.generateRsaKey({ label: 'RSA' });
      module.close();
    });
    afterAll(() => temporary.dispose());

    it.each(tokenKeyKinds)(
      'no data key is left in the memory of the process, with an %s key of a token',
      { timeout: 120_000 },
      async (kind) => {
        const { modulePath, label, pin } = temporary;
        const child = startChild(new URL('pkcs11-child.ts', import.meta.url), [
          kind,
          modulePath,
          label,
          pin,
          '100',
        ]);
        const messages = await messagesOf(child);
        expect(messages).toHaveLength(100);
        const { keyring, close } = tokenKeyring(kind, temporary);
        const needles = [new TextEncoder().encode(pin), ...(await dataKeysOf(keyring, messages))];
        close();
        const [control = 0, ...copies] = copiesInMemory(child.pid ?? 0, needles);
        expect(copies.reduce((sum, count) => sum + count, 0)).toBe(0);
        // The search works: the PIN is there, for it stands in the arguments.
        expect(control).toBeGreaterThan(0);
      },
    );
  },
);
