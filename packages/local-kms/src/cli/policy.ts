import type { Command } from 'commander';
import { arnScope } from '../arn.ts';
import { DEFAULTS } from '../defaults.ts';
import { consolePolicy } from '../policy/console-policy.ts';

interface NewPolicyOptions {
  readonly admin: readonly string[];
  readonly user: readonly string[];
  readonly account: string;
  readonly region: string;
}

/** `policy new`: a key policy for administrators and users, as JSON on stdout. */
export function addPolicyCommands(program: Command): void {
  program
    .command('policy')
    .description('key policies')
    .command('new')
    .description('print the key policy that the AWS console makes for administrators and users')
    .option('--admin <principal...>', 'ARN of a user or role, or user/NAME or role/NAME of the account', [])
    .option('--user <principal...>', 'the same, of those who use the key', [])
    .option('--account <id>', '12-digit AWS account id', DEFAULTS.accountId)
    .option('--region <region>', 'AWS Region of the key, for its partition', DEFAULTS.region)
    .action(({ admin, user, account, region }: NewPolicyOptions) => {
      const scope = arnScope(region, account);
      const arnOf = (name: string) => {
        if (PRINCIPAL_ARN.test(name)) return name;
        if (PRINCIPAL_NAME.test(name)) return `arn:${scope.partition}:iam::${account}:${name}`;
        throw new RangeError(`principal: expected an ARN, user/NAME or role/NAME, not ${name}`);
      };
      const policy = consolePolicy(scope, { administrators: admin.map(arnOf), users: user.map(arnOf) });
      process.stdout.write(`${JSON.stringify(policy, undefined, 2)}\n`);
    });
}

const PRINCIPAL_ARN = /^arn:aws[a-z-]*:(iam|sts)::\d{12}:.+$/;
const PRINCIPAL_NAME = /^(user|role)\/[\w+=,.@/-]+$/;
