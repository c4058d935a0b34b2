/** The proxy under test, seen from outside: what AWS KMS would know, and how its keys are set up. */
export interface Target {
  /** A fully qualified domain name, as in `https://<server>`; the certificate is for it. */
  readonly server: string;
  /** Where that server is reached, since a test has no public DNS. */
  readonly address: { readonly host: string; readonly port: number };
  /** PEM of the authority that issued the certificate. */
  readonly certificateAuthority: string;
  /** `[/<prefix>]/kms/xks/v1` */
  readonly uriPath: string;
  readonly region: string;
  readonly credential: Credential;
  /** External key ids, one for each situation. */
  readonly keys: Readonly<Record<KeySituation, string>>;
  /**
   * The 32 bytes of the enabled key. With them the suite opens what the proxy sealed, which is the only way to
   * see the additional data that reached the key.
   */
  readonly enabledKeyValue: Uint8Array;
}

/** `unknown` is a valid id that no key has. */
type KeySituation = 'enabled' | 'disabled' | 'encryptOnly' | 'decryptOnly' | 'unknown';

/** A SigV4 credential. */
export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}
