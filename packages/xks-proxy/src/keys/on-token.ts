import { openModule, Pkcs11Error, type Pkcs11Module, type Token } from '@holdfast/pkcs11';
import type { TokenConfig } from '../config/config.ts';
import { isPinRefusal } from '../devices/failures.ts';
import { XksException } from '../errors.ts';
import { XksProxyError } from '../proxy-error.ts';

/**
 * Does work at a token, inline and in one session. Rejects with XksProxyError `PIN_REFUSED`, or `TOKEN_UNAVAILABLE` for
 * whatever else fails there.
 */
export async function onToken<T>(
  { name, module: path, selector, pin }: TokenConfig,
  work: (token: Token) => T | Promise<T>,
): Promise<T> {
  let module: Pkcs11Module | undefined;
  try {
    module = openModule({ path });
    const secret = pin.export();
    const token = module.openToken({ ...selector, pin: secret.toString('utf8'), maxSessions: 1 });
    secret.fill(0);
    return await work(token);
  } catch (cause) {
    if (!(cause instanceof Pkcs11Error || cause instanceof XksException)) throw cause;
    const code = isPinRefusal(cause) ? 'PIN_REFUSED' : 'TOKEN_UNAVAILABLE';
    throw new XksProxyError(code, `token ${name}: ${cause.message}`, { cause });
  } finally {
    module?.close();
  }
}
