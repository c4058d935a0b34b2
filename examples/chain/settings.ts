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
 * How a proxy that `xks-proxy init` has made serves a real AWS account, as its README has it. AWS asks for three things that
 * one machine does not have: a name in the public DNS, a certificate of a public authority for it, and the standard port.
 */
export const AWS_ACCOUNT_SETTINGS: readonly string[] = [
  'node packages/xks-proxy/dist/cli/main.js console-config --config xks/config.toml --endpoint https://xks.example.com --output xks/console.json',
  '# Version 1 of the AWS CLI fetches what begins with https://, until: aws configure set cli_follow_urlparam false',
  'aws kms create-custom-key-store --custom-key-store-type EXTERNAL_KEY_STORE --custom-key-store-name acme \\',
  '  --xks-proxy-connectivity PUBLIC_ENDPOINT --xks-proxy-uri-endpoint https://xks.example.com \\',
  '  --xks-proxy-uri-path /acme/kms/xks/v1 \\',
  '  --xks-proxy-authentication-credential file://xks/console.json.credential',
  'aws kms connect-custom-key-store --custom-key-store-id cks-…',
  'aws kms create-key --origin EXTERNAL_KEY_STORE --custom-key-store-id cks-… --xks-key-id orders',
];
