import * as pkcs11js from 'pkcs11js';
import { afterAll, beforeAll, describe } from 'vitest';
import { type OpenTokenOptions, openModule, type Pkcs11Module, type Token } from '../src/index.ts';
import { acquireLibrary } from '../src/library/library.ts';
import { findToken } from '../src/library/slots.ts';
import {
  findModule,
  findNssModule,
  type TemporaryToken,
  type TestToken,
  temporaryNssToken,
  temporaryToken,
} from '../src/testing.ts';

/** What the tests of a `describeWithToken` block share; valid inside tests and hooks. */
export interface TokenContext<T extends TestToken = TestToken> {
  readonly temporary: T;
  readonly module: Pkcs11Module;
  /** Opens the token once more; closed with the module after the last test. */
  readonly open: (options?: Partial<OpenTokenOptions>) => Token;
  /** The functions of the module, without anything that this package adds. */
  readonly raw: pkcs11js.PKCS11;
  readonly slot: Buffer;
  /** The functions as this package calls them: a test may spy on them, or make one fail. */
  readonly cryptoki: pkcs11js.PKCS11;
}

type Tests<T extends TestToken> = (context: () => TokenContext<T>) => void;

/** A block of tests on a SoftHSM token in a temporary folder, skipped on a machine without a PKCS#11 module. */
export function describeWithToken(name: string, tests: Tests<TemporaryToken>): void {
  const missing = findModule() === undefined;
  describeToken(
    name,
    missing ? 'no PKCS#11 module: install SoftHSM2 or set PKCS11_MODULE' : '',
    temporaryToken,
    tests,
  );
}

/** Runs the same tests on a token of each module of this machine: in CI, every module has to be there. */
export function describeWithEachToken(name: string, tests: Tests<TestToken>): void {
  describeWithToken(`${name}, with SoftHSM,`, tests);
  const missing = findNssModule() === undefined && process.env['CI'] === undefined;
  const reason = missing ? 'no NSS softokn: install libnss3' : '';
  describeToken(`${name}, with NSS softokn,`, reason, temporaryNssToken, tests);
}

function describeToken<T extends TestToken>(
  name: string,
  reasonToSkip: string,
  make: () => T,
  tests: Tests<T>,
): void {
  const reason = reasonToSkip === '' ? '' : ` (${reasonToSkip})`;
  describe.skipIf(reason !== '')(`${name}${reason}`, () => {
    let context: TokenContext<T> | undefined;
    beforeAll(() => {
      const temporary = make();
      const { label, pin, modulePath: path, initializationParameters } = temporary;
      const options = {
        path,
        ...(initializationParameters === undefined ? {} : { initializationParameters }),
      };
      const module = openModule(options);
      const raw = new pkcs11js.PKCS11(path);
      const { slot } = findToken(raw, { label });
      const open = (options: Partial<OpenTokenOptions> = {}) => module.openToken({ label, pin, ...options });
      const library = acquireLibrary(path, options);
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
