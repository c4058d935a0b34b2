import { type Command, InvalidArgumentError } from 'commander';
import { storeOf } from '../config/store-place.ts';
import { keyIn } from '../keys/edit-keys.ts';
import type { MetadataField } from '../wire.ts';
import { EXIT, runCommand } from './exit.ts';
import { configOption, jsonOption, type PlaceOptions, placeOf, storeOption } from './options.ts';
import { print, printJson } from './print.ts';

/** `xks-proxy policy`: tests the policy of a store. */
export function addPolicy(program: Command): void {
  const policy = program.command('policy').description('the policies of external key stores');
  policy
    .command('test')
    .description('decide on a request that nobody sends; exit status 0 if it is allowed, 1 if it is denied')
    .addOption(configOption())
    .addOption(storeOption())
    .requiredOption('--key <external key id>', 'the key it is about')
    .requiredOption('--principal <arn>', 'awsPrincipalArn')
    .requiredOption('--operation <name>', 'kmsOperation, such as Decrypt')
    .option('--key-arn <arn>', 'kmsKeyArn')
    .option('--via-service <name>', 'kmsViaService')
    .option('--source-vpc <id>', 'awsSourceVpc')
    .option('--source-vpce <id>', 'awsSourceVpce')
    .option('--at <time>', 'when, such as 2026-11-21T08:00:00Z; default now', instant)
    .addOption(jsonOption())
    .action((options: PolicyTestOptions) => runCommand(async () => testPolicy(options)));
}

interface PolicyTestOptions extends PlaceOptions {
  readonly key: string;
  readonly principal: string;
  readonly operation: string;
  readonly keyArn?: string;
  readonly viaService?: string;
  readonly sourceVpc?: string;
  readonly sourceVpce?: string;
  readonly at?: Date;
  readonly json?: true;
}

function testPolicy(options: PolicyTestOptions): void {
  const { store } = storeOf(placeOf(options));
  const { key: externalKeyId, at: now = new Date() } = options;
  const { status: keyStatus } = keyIn({ store, keys: store.keys }, externalKeyId);
  const { isAllowed, rule } = store.policy.decide({ metadata: metadataOf(options), externalKeyId, now });
  // The policy comes before the block, as it does for a request.
  const isBlocked = isAllowed && keyStatus === 'BLOCKED';
  const decision = isAllowed && !isBlocked ? 'allowed' : 'denied';
  if (options.json === true) printJson({ store: store.name, decision, rule, keyStatus });
  else if (isBlocked) print('denied: the key is blocked');
  else print(`${decision} by ${rule === 'default' ? 'the default' : rule}`);
  if (decision === 'denied') process.exitCode = EXIT.failed;
}

function metadataOf(options: PolicyTestOptions): Readonly<Partial<Record<MetadataField, string>>> {
  const metadata: Partial<Record<MetadataField, string>> = {
    awsPrincipalArn: options.principal,
    kmsOperation: options.operation,
  };
  // A field that KMS does not know is absent, and rules distinguish an absent field from an empty one.
  if (options.keyArn !== undefined) metadata.kmsKeyArn = options.keyArn;
  if (options.viaService !== undefined) metadata.kmsViaService = options.viaService;
  if (options.sourceVpc !== undefined) metadata.awsSourceVpc = options.sourceVpc;
  if (options.sourceVpce !== undefined) metadata.awsSourceVpce = options.sourceVpce;
  return metadata;
}

function instant(text: string): Date {
  const date = new Date(text);
  const [, day] = INSTANT.exec(text) ?? [];
  if (day === undefined || Number.isNaN(date.getTime())) {
    throw new InvalidArgumentError('expected a date and a time with its zone');
  }
  // Date takes 30 February for 2 March.
  if (!new Date(day).toISOString().startsWith(day)) {
    throw new InvalidArgumentError(`there is no day ${day}`);
  }
  return date;
}

const INSTANT = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/;
