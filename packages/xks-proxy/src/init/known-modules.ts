import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { IvSource } from '../config/config.ts';

/** A PKCS#11 module that was found on this machine. */
export interface KnownModule {
  readonly product: string;
  readonly path: string;
  /** Who makes the initialization vectors with this product. */
  readonly iv: IvSource;
}

/** The modules in the places where their makers and distributions install them; `PKCS11_MODULE` comes first. */
export function findModules(environment: NodeJS.ProcessEnv = process.env): readonly KnownModule[] {
  const chosen = environment['PKCS11_MODULE'];
  const found = PRODUCTS.flatMap(([product, iv, paths]) =>
    paths.filter((path) => existsSync(path)).map((path) => ({ product, path, iv })),
  );
  return chosen === undefined || chosen === '' ? found : [knownModule(resolve(chosen)), ...found];
}

/** The product of the module at a path, as far as the path shows it. */
export function knownModule(path: string): KnownModule {
  const [product, iv] = PRODUCTS.find(([, , paths]) => paths.includes(path)) ?? [
    'PKCS#11 module',
    'supplied',
  ];
  return { product, path, iv };
}

const PRODUCTS: readonly (readonly [product: string, iv: IvSource, paths: readonly string[]])[] = [
  [
    'SoftHSM2',
    'supplied',
    [
      '/usr/lib/softhsm/libsofthsm2.so',
      '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
      '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
      '/usr/lib64/softhsm/libsofthsm2.so',
      '/usr/lib64/pkcs11/libsofthsm2.so',
      '/usr/local/lib/softhsm/libsofthsm2.so',
      '/opt/homebrew/lib/softhsm/libsofthsm2.so',
    ],
  ],
  ['AWS CloudHSM', 'written', ['/opt/cloudhsm/lib/libcloudhsm_pkcs11.so']],
  ['Thales Luna', 'appended', ['/usr/safenet/lunaclient/lib/libCryptoki2_64.so']],
  ['Entrust nShield', 'written', ['/opt/nfast/toolkits/pkcs11/libcknfast.so']],
];
