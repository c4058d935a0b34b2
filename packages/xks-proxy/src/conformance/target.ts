import type { Caller } from './request-metadata.ts';

/** The proxy under test, seen from outside: what AWS KMS would know, and how its keys are set up. */
export interface Target {
  /** What AWS KMS is told as the endpoint's name, with a port where it is not 443: the Host header. */
  readonly host: string;
  /** Where connections go to, and the name that the certificate must be for. */
  readonly address: { readonly host: string; readonly port: number; readonly servername?: string };
  /** PEM of the authorities to trust, for a proxy without a certificate of a public one. */
  readonly certificateAuthority: string | undefined;
  /** What the suite shows to a proxy that asks clients for certificates. */
  readonly clientCertificate: ClientCertificate | undefined;
  /** `[/<prefix>]/kms/xks/v1` */
  readonly uriPath: string;
  readonly region: string;
  readonly credential: Credential;
  /** Whom a policy of the proxy has to allow the enabled key. */
  readonly caller: Caller;
  /** External key ids, one for each situation that there is a key in. */
  readonly keys: { readonly enabled: string; readonly unknown: string } & Readonly<
    Partial<Record<SpecialKey, string>>
  >;
  /**
   * The 32 bytes of the enabled key, if they are known anywhere. With them the suite opens what the proxy sealed, which
   * is the only way to see the additional data that reached the key.
   */
  readonly enabledKeyValue: Uint8Array | undefined;
  /** How long a handshake may take, and an answer to its end. */
  readonly timeoutMs: number;
}

/** A certificate that the proxy takes from clients, with those between it and its authority, and its key. */
export interface ClientCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** A SigV4 credential. */
export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Situations that not every proxy under test has a key in. */
export type SpecialKey = 'disabled' | 'encryptOnly' | 'decryptOnly';

/** Thrown by a check that would need what the target does not have. It says nothing about the proxy. */
export class NotRun extends Error {
  override readonly name = 'NotRun';
}

/** The id of a key in a special situation. Throws {@link NotRun} where there is none. */
export function specialKey({ keys }: Target, situation: SpecialKey): string {
  const id = keys[situation];
  if (id === undefined) throw new NotRun(`needs ${SITUATIONS[situation]}`);
  return id;
}

/** The bytes of the enabled key. Throws {@link NotRun} where they are not known. */
export function knownKeyValue({ enabledKeyValue }: Target): Uint8Array {
  if (enabledKeyValue === undefined) throw new NotRun('needs the bytes of the key');
  return enabledKeyValue;
}

/** What the proxy takes from clients. Throws {@link NotRun} where it is not known to ask for certificates. */
export function knownClientCertificate({ clientCertificate }: Target): ClientCertificate {
  if (clientCertificate === undefined) throw new NotRun('needs a client certificate that the proxy takes');
  return clientCertificate;
}

const SITUATIONS = {
  disabled: 'the id of a disabled key',
  encryptOnly: 'the id of a key that only encrypts',
  decryptOnly: 'the id of a key that only decrypts',
} as const satisfies Record<SpecialKey, string>;
