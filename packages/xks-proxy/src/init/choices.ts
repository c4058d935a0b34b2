/** The choices for a new proxy. */
export interface InitChoices {
  /** Absolute path of the folder for the configuration and its files. */
  readonly folder: string;
  /** Whether an existing configuration and certificate may be replaced: keys and credentials never are. */
  readonly overwrites: boolean;
  /** Path of the PKCS#11 module. */
  readonly module: string;
  readonly token: ExistingToken | NewToken;
  readonly store: string;
  readonly pathPrefix: string;
  readonly regions: readonly string[];
  /** The name that AWS KMS will call. */
  readonly hostName: string;
  /** An existing certificate; by default a self-signed one is made. */
  readonly certificate: { readonly certificateFile: string; readonly keyFile: string } | undefined;
  readonly externalKeyIds: readonly string[];
  readonly host: string;
  readonly port: number;
  /** Path, relative to `folder`, of the folder in which the proxy counts messages; the proxy makes it if it does not exist. */
  readonly stateDirectory: string;
}

/** A token that is initialised already. */
export interface ExistingToken {
  readonly kind: 'existing';
  readonly label: string;
  readonly pin: string;
}

/** A token to initialise: the first of the module that never was. Its PINs are made, and kept in files. */
export interface NewToken {
  readonly kind: 'new';
  readonly label: string;
}

/** The result of init. */
export interface InitResult {
  readonly configFile: string;
  /** Names of the files in the folder. */
  readonly files: readonly string[];
  /** Access key id of the newest credential, which may be an earlier one. */
  readonly accessKeyId: string;
  /** Whether the certificate is one that AWS KMS refuses. */
  readonly isSelfSigned: boolean;
}

/** The default path prefix of a store: a path takes no dot. */
export const defaultPathPrefix = (store: string): string => `/${store.replaceAll('.', '-')}`;

/** Label of the key for trial encryptions. */
export const HEALTH_KEY_LABEL = 'xks-proxy-health';

/** The defaults of choices that are not made. */
export const INIT_DEFAULTS = {
  tokenLabel: 'xks-proxy',
  store: 'main',
  externalKeyId: 'key-1',
  host: '0.0.0.0',
  port: 8443,
  stateDirectory: 'state',
} as const;
