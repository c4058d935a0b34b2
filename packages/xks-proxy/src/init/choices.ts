/** What a new proxy is to be. */
export interface InitChoices {
  /** Absolute path of the folder for the configuration and its files. */
  readonly folder: string;
  /** Whether a configuration and a certificate that are there may be replaced: keys and credentials never are. */
  readonly overwrites: boolean;
  /** Path of the PKCS#11 module. */
  readonly module: string;
  readonly token: ExistingToken | NewToken;
  readonly store: string;
  readonly pathPrefix: string;
  readonly regions: readonly string[];
  /** The name that AWS KMS will call. */
  readonly hostName: string;
  /** A certificate that is there; one that vouches for itself is made otherwise. */
  readonly certificate: { readonly certificateFile: string; readonly keyFile: string } | undefined;
  readonly externalKeyIds: readonly string[];
  readonly host: string;
  readonly port: number;
  /** Path of the folder in which the proxy counts messages, relative to the other one; it makes it where there is none. */
  readonly stateDirectory: string;
}

/** A token that was initialised before. */
export interface ExistingToken {
  readonly kind: 'existing';
  readonly label: string;
  readonly pin: string;
}

/** One to initialise: the first of the module that never was. Its PINs are made, and kept in files. */
export interface NewToken {
  readonly kind: 'new';
  readonly label: string;
}

/** What was made. */
export interface InitResult {
  readonly configFile: string;
  /** Names of the files in the folder. */
  readonly files: readonly string[];
  /** Of the newest credential, which may have been there. */
  readonly accessKeyId: string;
  /** Whether the certificate is one that AWS KMS refuses. */
  readonly isSelfSigned: boolean;
}

/** The path prefix of a store unless another one is said: a path takes no dot. */
export const defaultPathPrefix = (store: string): string => `/${store.replaceAll('.', '-')}`;

/** Label of the key for trial encryptions. */
export const HEALTH_KEY_LABEL = 'xks-proxy-health';

/** The defaults of what nobody said. */
export const INIT_DEFAULTS = {
  tokenLabel: 'xks-proxy',
  store: 'main',
  externalKeyId: 'key-1',
  host: '0.0.0.0',
  port: 8443,
  stateDirectory: 'state',
} as const;
