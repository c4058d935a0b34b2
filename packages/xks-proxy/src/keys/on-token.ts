import { openModule, Pkcs11Error, type Pkcs11Module, type Token } from '@holdfast/pkcs11';
import type { TokenConfig } from '../config/config.ts';
import { isPinRefusal } from '../devices/failures.ts';
import { XksProxyError } from '../proxy-error.ts';
import { XksException } from '../xks-exception.ts';

/**
 * Does work at a token, inline and in one session. Rejects with XksProxyError `PIN_REFUSED`, or `TOKEN_UNAVAILABLE` for any
 * other failure of the token.
 */
export async function onToken<T>(
  tokenConfig: TokenConfig,
  work: (token: Token) => T | Promise<T>,
): Promise<T> {
  let module: Pkcs11Module | undefined;
  try {
    module = openModule({ path: tokenConfig.module });
    return await work(logIn(module, tokenConfig));
  } catch (cause) {
    if (!(cause instanceof Pkcs11Error || cause instanceof XksException)) throw cause;
    const code = isPinRefusal(cause) ? 'PIN_REFUSED' : 'TOKEN_UNAVAILABLE';
    throw new XksProxyError(code, `token ${tokenConfig.name}: ${cause.message}`, { cause });
  } finally {
    module?.close();
  }
}

/** Logs in at a token, for one session. Throws a Pkcs11Error; the copy of the PIN is wiped in any case. */
export function logIn(module: Pkcs11Module, { selector, pin }: TokenConfig): Token {
  const secret = pin.export();
  try {
    return module.openToken({ ...selector, pin: secret.toString('utf8'), maxSessions: 1 });
  } finally {
    secret.fill(0);
  }
}
