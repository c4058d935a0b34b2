import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { type Command, InvalidArgumentError } from 'commander';
import { PATH_PREFIX } from '../config/stores.ts';
import { obstacleTo } from '../conformance/obstacle.ts';
import { reportOf, resultText, SPECIFICATION, summary, summaryText } from '../conformance/report.ts';
import { runConformance } from '../conformance/run.ts';
import type { Target } from '../conformance/target.ts';
import { undefinedIfThrows } from '../undefined-if-throws.ts';
import { EXIT, usageError } from './exit.ts';
import { endpointUrl, externalKeyId, firstLine, hostAndPort, jsonOption, readText } from './options.ts';
import { print, printJson } from './print.ts';

/** `xks-proxy conformance`: checks any XKS proxy against the requirements of the XKS API. */
export function addConformance(program: Command): void {
  program
    .command('conformance')
    .description('examine any XKS proxy; exit status 1 if it breaks a MUST of the specification')
    .requiredOption('--endpoint <url>', 'https:// and the host name of the proxy', endpointUrl)
    .option('--path-prefix <path>', 'what stands before /kms/xks/v1', pathPrefix, '')
    .requiredOption('--region <region>', 'AWS region to sign for')
    .requiredOption('--access-key-id <id>', 'access key id of the credential')
    .requiredOption('--secret-access-key-file <file>', 'file with its secret access key', firstLine)
    .requiredOption('--key <id>', 'external key id of an enabled key for both usages', externalKeyId)
    .option('--disabled-key <id>', 'of a disabled key', externalKeyId)
    .option('--encrypt-only-key <id>', 'of a key that only encrypts', externalKeyId)
    .option('--decrypt-only-key <id>', 'of a key that only decrypts', externalKeyId)
    .option('--principal <arn>', 'whom a policy of the proxy allows the key', PRINCIPAL)
    .option('--kms-key-arn <arn>', 'for which KMS key; default: one of that region')
    .option(
      '--key-value-file <file>',
      'the 32 bytes of --key in hex, for a test key that was imported',
      keyValue,
    )
    .option('--ca <file>', 'PEM of the authority to trust; default: those of Node', certificates)
    .option(
      '--client-certificate-file <file>',
      'PEM of a client certificate that the proxy takes',
      certificates,
    )
    .option('--client-key-file <file>', 'PEM of its private key', privateKey)
    .option('--connect-to <host:port>', 'connect here, and not to where the name leads', hostAndPort)
    .addOption(jsonOption())
    .action(examine);
}

async function examine(options: ConformanceOptions): Promise<void> {
  const { clientCertificateFile: certificate, clientKeyFile: key } = options;
  if ((certificate === undefined) !== (key === undefined)) {
    return usageError('give both --client-certificate-file and --client-key-file, or none');
  }
  if (certificate !== undefined && key !== undefined && !isPair(certificate, key)) {
    return usageError('--client-key-file is not the key of --client-certificate-file');
  }
  const target = targetOf(options);
  const obstacle = await obstacleTo(target);
  if (obstacle !== undefined) {
    process.stderr.write(`${obstacle.text}\n`);
    process.exitCode = obstacle.isOfTarget ? EXIT.usage : EXIT.failed;
    return;
  }
  const startedAt = new Date();
  const { origin } = options.endpoint;
  if (options.json !== true) print(`${SPECIFICATION}, ${origin}${target.uriPath}\n`);
  const results = await runConformance(target, (result) => {
    if (options.json !== true) print(resultText(result));
  });
  const counts = summary(results);
  if (options.json === true) printJson(reportOf(`${origin}${target.uriPath}`, startedAt, results));
  else print(`\n${summaryText(counts)}`);
  if (counts.failedMust > 0) process.exitCode = EXIT.failed;
}

interface ConformanceOptions {
  readonly endpoint: URL;
  readonly pathPrefix: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKeyFile: string;
  readonly key: string;
  readonly disabledKey?: string;
  readonly encryptOnlyKey?: string;
  readonly decryptOnlyKey?: string;
  readonly principal: string;
  readonly kmsKeyArn?: string;
  readonly keyValueFile?: Uint8Array;
  readonly ca?: string;
  readonly clientCertificateFile?: string;
  readonly clientKeyFile?: string;
  readonly connectTo?: { readonly host: string; readonly port: number };
  readonly json?: boolean;
}

function targetOf({ endpoint: { host, hostname, port }, ...options }: ConformanceOptions): Target {
  const { disabledKey, encryptOnlyKey, decryptOnlyKey, accessKeyId } = options;
  const { clientCertificateFile: certificatePem, clientKeyFile: keyPem } = options;
  const name = hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    host,
    address: {
      ...(options.connectTo ?? { host: name, port: port === '' ? 443 : Number(port) }),
      // TLS can ask for a name, and not for an address.
      ...(/[a-z]/i.test(name) && !name.includes(':') && { servername: name }),
    },
    certificateAuthority: options.ca,
    clientCertificate:
      certificatePem === undefined || keyPem === undefined ? undefined : { certificatePem, keyPem },
    uriPath: `${options.pathPrefix}/kms/xks/v1`,
    region: options.region,
    caller: {
      awsPrincipalArn: options.principal,
      kmsKeyArn: options.kmsKeyArn ?? `arn:aws:kms:${options.region}:${KMS_KEY}`,
    },
    credential: { accessKeyId, secretAccessKey: options.secretAccessKeyFile },
    keys: {
      enabled: options.key,
      unknown: `unknown-${randomBytes(8).toString('hex')}`,
      ...(disabledKey !== undefined && { disabled: disabledKey }),
      ...(encryptOnlyKey !== undefined && { encryptOnly: encryptOnlyKey }),
      ...(decryptOnlyKey !== undefined && { decryptOnly: decryptOnlyKey }),
    },
    enabledKeyValue: options.keyValueFile,
    timeoutMs: TIMEOUT_MS,
  };
}

function pathPrefix(text: string): string {
  if (PATH_PREFIX.test(text)) return text;
  throw new InvalidArgumentError('expected segments of A-Z, a-z, 0-9, _ and - that each start with /');
}

function certificates(file: string): string {
  const text = readText(file);
  if (undefinedIfThrows(() => new X509Certificate(text)) !== undefined) return text;
  throw new InvalidArgumentError('the file holds no PEM certificate');
}

function privateKey(file: string): string {
  const text = readText(file);
  if (undefinedIfThrows(() => createPrivateKey(text)) !== undefined) return text;
  throw new InvalidArgumentError('the file holds no PEM private key, or one with a passphrase');
}

function isPair(certificatePem: string, keyPem: string): boolean {
  return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem));
}

function keyValue(file: string): Uint8Array {
  const hex = firstLine(file);
  if (!/^[0-9a-f]{64}$/i.test(hex)) throw new InvalidArgumentError('expected 32 bytes in hex');
  return Buffer.from(hex, 'hex');
}

const PRINCIPAL = 'arn:aws:iam::123456789012:user/Alice';
const KMS_KEY = '123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
/** Many times the time that AWS KMS waits. */
const TIMEOUT_MS = 10_000;
