import type { CredentialConfig, StoreConfig } from '../config/config.ts';

/** The document that the AWS console imports when an external key store is made or its credential is changed. */
export interface ConsoleConfig {
  readonly XksProxyUriPath: string;
  readonly XksProxyAuthenticationCredential: {
    readonly AccessKeyId: string;
    readonly RawSecretAccessKey: string;
  };
}

/** Makes the document for a store and one of its credentials (XKS API v1, "Console configuration"). It holds the secret. */
export function consoleConfig(
  { pathPrefix }: StoreConfig,
  { accessKeyId, secretAccessKey }: CredentialConfig,
): ConsoleConfig {
  const secret = secretAccessKey.export();
  const text = secret.toString('utf8');
  secret.fill(0);
  return {
    XksProxyUriPath: `${pathPrefix}/kms/xks/v1`,
    XksProxyAuthenticationCredential: { AccessKeyId: accessKeyId, RawSecretAccessKey: text },
  };
}

/**
 * The command lines that do the same with the AWS CLI, which reads the secret from a file: on a command line all users of
 * the machine could see it.
 *
 * @param credentialUrl `file://` and the absolute path of that file, as one word of a shell
 */
export function awsCommands(store: StoreConfig, endpoint: string, credentialUrl: string): readonly string[] {
  const credential = `--xks-proxy-authentication-credential ${credentialUrl}`;
  return [
    `aws kms create-custom-key-store --custom-key-store-type EXTERNAL_KEY_STORE --custom-key-store-name ${store.name} ` +
      `--xks-proxy-connectivity PUBLIC_ENDPOINT --xks-proxy-uri-endpoint ${endpoint} ` +
      `--xks-proxy-uri-path ${store.pathPrefix}/kms/xks/v1 ${credential}`,
    `aws kms update-custom-key-store --custom-key-store-id cks-… ${credential}`,
    'aws kms connect-custom-key-store --custom-key-store-id cks-…',
  ];
}
