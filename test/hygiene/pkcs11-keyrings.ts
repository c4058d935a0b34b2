import { pkcs11Keyring } from '@holdfast/keyrings/pkcs11';
import { openModule } from '@holdfast/pkcs11';
import type { Keyring } from '@holdfast/sdk';

/** Where the keys are. */
export interface TokenAddress {
  readonly modulePath: string;
  readonly label: string;
  readonly pin: string;
}

/** The kinds of keys, by their labels. */
export const tokenKeyKinds = ['AES', 'RSA'] as const;

/** A keyring that wraps with the key of a kind, and what ends its use of the token. */
export function tokenKeyring(
  kind: string,
  { modulePath, label, pin }: TokenAddress,
): { readonly keyring: Keyring; readonly close: () => void } {
  const module = openModule({ path: modulePath });
  const token = module.openToken({ label, pin });
  const names = { namespace: 'hygiene', name: kind };
  const keyring =
    kind === 'RSA'
      ? pkcs11Keyring({ ...names, key: token.rsaKey({ label: kind }), padding: 'OAEP-SHA-1' })
      : pkcs11Keyring({ ...names, key: token.key({ label: kind }) });
  return { keyring, close: () => module.close() };
}
