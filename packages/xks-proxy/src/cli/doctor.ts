import { resolve } from 'node:path';
import type { Command } from 'commander';
import { diagnose } from '../doctor/diagnose.ts';
import type { Finding } from '../doctor/findings.ts';
import { EXIT, runCommand } from './exit.ts';
import { configOption, endpointUrl, jsonOption } from './options.ts';
import { print, printJson } from './print.ts';

/** `xks-proxy doctor`: finds out what is wrong, and what to do about it. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('examine a proxy from its files to a signed request; exit status 1 if anything is wrong')
    .addOption(configOption())
    .option(
      '--endpoint <url>',
      'where it runs, as KMS calls it; without it one is started for a moment',
      endpointUrl,
    )
    .addOption(jsonOption())
    .action(({ config, endpoint, json = false }: { config: string; endpoint?: URL; json?: boolean }) =>
      runCommand(async () => {
        const onFinding = json ? undefined : printFinding;
        const findings = await diagnose({
          configFile: resolve(config),
          endpoint,
          ...(onFinding && { onFinding }),
        });
        const count = (wanted: Finding['level']) => findings.filter(({ level }) => level === wanted).length;
        const counts = { failures: count('failure'), warnings: count('warning') };
        if (json) printJson({ ...counts, findings });
        else print(`failures: ${counts.failures}, warnings: ${counts.warnings}`);
        if (counts.failures > 0) process.exitCode = EXIT.failed;
      }),
    );
}

function printFinding({ level, code, subject, text, remedy }: Finding): void {
  print(`${MARKS[level]}  ${subject}: ${text}${level === 'ok' ? '' : ` (${code})`}`);
  if (remedy !== undefined) print(`         to do: ${remedy}`);
}

const MARKS = { ok: 'ok     ', warning: 'warning', failure: 'FAILURE' } as const satisfies Record<
  Finding['level'],
  string
>;
