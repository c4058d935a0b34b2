import type { Command } from 'commander';
import { DEFAULTS } from '../defaults.ts';
import { readPrincipals } from '../identity/principals-file.ts';
import { createLocalKms } from '../local-kms.ts';
import type { AccessExplanation } from '../policy/explanation.ts';
import type { RequestMembers } from '../policy/request-members.ts';
import { readSeed } from '../seed.ts';
import { EXIT } from './exit.ts';
import { optionText } from './option-file.ts';

interface ExplainOptions {
  readonly principals: string;
  readonly seed: string;
  readonly region: string;
  readonly account: string;
  readonly principal?: string;
  readonly operation: readonly string[];
  readonly key?: string;
  readonly context?: Readonly<Record<string, string>>;
  readonly condition: Readonly<Record<string, string>>;
  readonly json?: true;
}

/** `explain`: who may do what on which key by a seed and a principals file, and why. */
export function addExplainCommand(program: Command): void {
  program
    .command('explain')
    .description('say who may do what on which key, and which statement decides')
    .requiredOption('--principals <file>', 'YAML or JSON of the accounts, users and roles')
    .requiredOption('--seed <file>', 'YAML or JSON of the keys')
    .option('--region <region>', 'AWS Region of keys that name none', DEFAULTS.region)
    .option('--account <id>', '12-digit AWS account id of the keys', DEFAULTS.accountId)
    .option(
      '--principal <name>',
      'ARN, name, user/NAME or role/NAME of one principal; all of them without it',
    )
    .option('--key <key>', 'id, ARN or alias of one key; all of them without it')
    .option('--operation <name...>', 'permissions, such as Encrypt; each on the key alone', [
      'Encrypt',
      'Decrypt',
      'GenerateDataKey',
      'CreateGrant',
    ])
    .option(
      '--context <name=value>',
      'pair of the encryption context, or of a new grant; repeatable',
      pairOf('--context'),
    )
    .option('--condition <key=value>', 'condition key of the request; repeatable', pairOf('--condition'), {})
    .option('--json', 'print one JSON object a line')
    .action(async (options: ExplainOptions) => {
      const answers = await explanations(options);
      for (const answer of answers) process.stdout.write(`${lineOf(answer, options)}\n`);
      if (answers.length === 1 && answers[0]?.allowed === false) process.exitCode = EXIT.denied;
    });
}

async function explanations(options: ExplainOptions): Promise<readonly AccessExplanation[]> {
  const { principals, seed, region, account, principal, key, operation, context, condition } = options;
  const kms = createLocalKms({
    region,
    accountId: account,
    principals: readPrincipals(optionText(principals)),
    seed: readSeed(optionText(seed)),
  });
  // Makes the keys without listening for requests.
  await kms.reset();
  return kms.explainAll({
    principal,
    key,
    operations: operation,
    request: context ? requestWith(context) : {},
    conditionKeys: condition,
  });
}

/** The context under every name that an operation has for it: those of others are left out. */
function requestWith(context: Readonly<Record<string, string>>): RequestMembers {
  return {
    EncryptionContext: context,
    SourceEncryptionContext: context,
    DestinationEncryptionContext: context,
    Constraints: { EncryptionContextSubset: context },
  };
}

function lineOf(answer: AccessExplanation, { json }: ExplainOptions): string {
  if (json) return JSON.stringify(answer);
  return [answer.principal, answer.resource, answer.operation, answer.text].join('\t');
}

type Pairs = Readonly<Record<string, string>>;

function pairOf(option: string): (text: string, others?: Pairs) => Pairs {
  return (text, others = {}) => {
    const at = text.indexOf('=');
    if (at < 1) throw new RangeError(`${option}: expected name=value`);
    return { ...others, [text.slice(0, at)]: text.slice(at + 1) };
  };
}
