import type { CreateKeyCommandInput, KMSClient } from '@aws-sdk/client-kms';
import { CreateKeyCommand } from '@aws-sdk/client-kms';

/** One thing that AWS KMS does, asked of an implementation through the AWS client. */
export interface Probe {
  /** What AWS KMS does, in the present tense. */
  readonly title: string;
  /** Throws, or rejects, if the target does something else. */
  readonly run: (target: Target) => Promise<void>;
}

/** An implementation of the KMS API. */
export interface Target {
  /** A client of its default Region. */
  readonly client: KMSClient;
  readonly clientIn: (region: string) => KMSClient;
  /** The members of CreateCustomKeyStore for an external key store that the target reaches. */
  readonly keyStore: () => Promise<KeyStoreSettings>;
  readonly people: () => Promise<People>;
}

/** Two users of an account whose requests are held to policies. */
export interface People {
  /** Its identity policies allow everything. */
  readonly admin: Person;
  /** It has none. */
  readonly user: Person;
}

/** A client, and the ARN of the user whose access key it has. */
interface Person {
  readonly arn: string;
  readonly client: KMSClient;
}

/** Where an XKS proxy is and what authenticates a KMS to it. */
export interface KeyStoreSettings {
  readonly endpoint: string;
  readonly path: string;
  readonly credential: { readonly AccessKeyId: string; readonly RawSecretAccessKey: string };
}

/** Throws unless the call is refused with an exception of this name. */
export async function refuses(name: string, call: Promise<unknown>): Promise<void> {
  const actual = await call.then(
    () => 'no exception',
    (error: unknown) => (error instanceof Error ? error.name : 'something that is no error'),
  );
  if (actual !== name) throw new Error(`${actual} instead of ${name}`);
}

/** Throws unless the value is there. */
export function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('a member of the answer is missing');
  return value;
}

/** Makes a key and returns its id. */
export async function createKey(
  { client }: Pick<Target, 'client'>,
  input: CreateKeyCommandInput = {},
): Promise<string> {
  const { KeyMetadata } = await client.send(new CreateKeyCommand(input));
  return present(KeyMetadata?.KeyId);
}
