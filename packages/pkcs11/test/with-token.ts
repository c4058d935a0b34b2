import * as pkcs11js from 'pkcs11js';
import { afterAll, beforeAll, describe } from 'vitest';
import { type OpenTokenOptions, openModule, type Pkcs11Module, type Token } from '../src/index.ts';
import { acquireLibrary } from '../src/library.ts';
import { findModule, type TemporaryToken, temporaryToken } from '../src/testing.ts';

/** What the tests of a `describeWithToken` block share; good inside tests and hooks. */
export interface TokenContext {
  readonly temporary: TemporaryToken;
  readonly module: Pkcs11Module;
  /** Opens the token once more; closed with the module after the last test. */
  readonly open: (options?: Partial<OpenTokenOptions>) => Token;
  /** The functions of the module, past everything that this package adds. */
  readonly raw: pkcs11js.PKCS11;
  readonly slot: Buffer;
  /** The functions as this package calls them: a test may listen in, or have one fail. */
  readonly cryptoki: pkcs11js.PKCS11;
}

/** A block of tests on a real token in a temporary folder, skipped on a machine without a PKCS#11 module. */
export function describeWithToken(name: string, tests: (context: () => TokenContext) => void): void {
  const missing = findModule() === undefined;
  const reason = missing ? ' (no PKCS#11 module: install SoftHSM2 or set PKCS11_MODULE)' : '';
  describe.skipIf(missing)(`${name}${reason}`, () => {
    let context: TokenContext | undefined;
    beforeAll(() => {
      const temporary = temporaryToken();
      const module = openModule({ path: temporary.modulePath });
      const raw = new pkcs11js.PKCS11(temporary.modulePath);
      const [slot = Buffer.alloc(0)] = raw.C_GetSlotList(true);
      const { label, pin } = temporary;
      const open = (options: Partial<OpenTokenOptions> = {}) => module.openToken({ label, pin, ...options });
      const library = acquireLibrary(temporary.modulePath);
      library.release();
      context = { temporary, module, open, raw, slot, cryptoki: library.cryptoki };
    });
    afterAll(() => {
      context?.module.close();
      context?.raw.close();
      context?.temporary.dispose();
    });
    tests(() => {
      if (context === undefined) throw new Error('the context is there only inside tests');
      return context;
    });
  });
}
