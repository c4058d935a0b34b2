import type { Caller } from './request-metadata.ts';

/** The proxy under test from outside: what AWS KMS knows of it, and how its keys are set up. */
export interface Target {
  /** The Host header: the name of the endpoint as AWS KMS knows it, with the port unless it is 443. */
  readonly host: string;
  /** The address of connections, and the name that the certificate must be for. */
  readonly address: { readonly host: string; readonly port: number; readonly servername?: string };
  /** PEM of the authorities to trust, for a proxy without a certificate of a public authority. */
  readonly certificateAuthority: string | undefined;
  /** The certificate of the suite for a proxy that asks clients for certificates. */
  readonly clientCertificate: ClientCertificate | undefined;
  /** `[/<prefix>]/kms/xks/v1` */
  readonly uriPath: string;
  readonly region: string;
  readonly credential: Credential;
  /** The caller that a policy of the proxy has to allow the enabled key. */
  readonly caller: Caller;
  /** External key ids, one for each situation that the proxy has a key in. */
  readonly keys: { readonly enabled: string; readonly unknown: string } & Readonly<
    Partial<Record<SpecialKey, string>>
  >;
  /**
   * The 32 bytes of the enabled key, if they are known. With them the suite opens ciphertext of the proxy, which is the only
   * way to check the additional data that reached the key.
   */
  readonly enabledKeyValue: Uint8Array | undefined;
  /** The time for a handshake, for a whole answer, and for one that does not say that the request is throttled. */
  readonly timeoutMs: number;
}

/** A certificate that the proxy accepts from clients, with intermediate certificates, and its key. */
export interface ClientCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** A SigV4 credential. */
export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Situations in which not every proxy under test has a key. */
export type SpecialKey = 'disabled' | 'encryptOnly' | 'decryptOnly';

/** Thrown by a check that needs something that the target does not have. It says nothing about the proxy. */
export class NotRun extends Error {
  override readonly name = 'NotRun';
}

/** The id of a key in a special situation. Throws {@link NotRun} if there is none. */
export function specialKey({ keys }: Target, situation: SpecialKey): string {
  const id = keys[situation];
  if (id === undefined) throw new NotRun(`needs ${SITUATIONS[situation]}`);
  return id;
}

/** The bytes of the enabled key. Throws {@link NotRun} if they are not known. */
export function knownKeyValue({ enabledKeyValue }: Target): Uint8Array {
  if (enabledKeyValue === undefined) throw new NotRun('needs the bytes of the key');
  return enabledKeyValue;
}

/** The client certificate. Throws {@link NotRun} if the proxy is not known to ask for one. */
export function knownClientCertificate({ clientCertificate }: Target): ClientCertificate {
  if (clientCertificate === undefined) throw new NotRun('needs a client certificate that the proxy takes');
  return clientCertificate;
}

const SITUATIONS = {
  disabled: 'the id of a disabled key',
  encryptOnly: 'the id of a key that only encrypts',
  decryptOnly: 'the id of a key that only decrypts',
} as const satisfies Record<SpecialKey, string>;
