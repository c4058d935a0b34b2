import { openModule, Pkcs11Error, type Pkcs11Module, type Token } from '@holdfast/pkcs11';
import type { TokenConfig } from '../config/config.ts';
import { XksException } from '../errors.ts';
import { XksProxyError } from '../proxy-error.ts';

/** Does work at a token, inline and in one session. Rejects with XksProxyError `TOKEN_UNAVAILABLE` for whatever fails there. */
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
    throw new XksProxyError('TOKEN_UNAVAILABLE', `token ${name}: ${cause.message}`, { cause });
  } finally {
    module?.close();
  }
}
