import { join } from 'node:path';
import type { Chain } from './chain.ts';

/** How to use a chain that stays up, from the AWS CLI and from any AWS SDK. */
export function localSettings({ kmsUrl, region, keyArn, directory }: Chain): readonly string[] {
  return [
    `export AWS_ENDPOINT_URL_KMS=${kmsUrl}`,
    `export AWS_REGION=${region} AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local`,
    `aws kms describe-key --key-id ${keyArn}`,
    '',
    'In JavaScript:',
    `new KMSClient({ endpoint: '${kmsUrl}', region: '${region}',`,
    "  credentials: { accessKeyId: 'local', secretAccessKey: 'local' } })",
    '',
    `Configuration of the proxy: ${join(directory, 'xks-proxy.toml')}`,
  ];
}

/**
 * How the same proxy serves a real AWS account, which asks for three things that one machine does not have: a name
 * in the public DNS, a certificate of a public authority for it, and the standard port.
 */
export const AWS_ACCOUNT_SETTINGS: readonly string[] = [
  'aws kms create-custom-key-store --custom-key-store-name acme \\',
  '  --custom-key-store-type EXTERNAL_KEY_STORE --xks-proxy-connectivity PUBLIC_ENDPOINT \\',
  '  --xks-proxy-uri-endpoint https://xks.YOUR-DOMAIN --xks-proxy-uri-path /acme/kms/xks/v1 \\',
  '  --xks-proxy-authentication-credential "AccessKeyId=$ACCESS_KEY_ID,RawSecretAccessKey=$(cat secret-access-key)"',
  'aws kms connect-custom-key-store --custom-key-store-id cks-…',
  'aws kms create-key --origin EXTERNAL_KEY_STORE --custom-key-store-id cks-… --xks-key-id orders',
];
