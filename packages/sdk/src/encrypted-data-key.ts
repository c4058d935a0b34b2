/** A data key wrapped by one wrapping key, as it stands in a message header. Each field is at most 65,535 bytes. */
export interface EncryptedDataKey {
  /** Which kind of keyring wrapped it. Ids that start with `aws-kms` belong to the AWS KMS keyrings. */
  readonly providerId: string;
  /** Which wrapping key, in the provider's own form. */
  readonly providerInfo: Uint8Array;
  readonly ciphertext: Uint8Array;
}
