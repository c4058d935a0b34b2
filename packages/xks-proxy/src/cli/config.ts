import type { Command } from 'commander';
import { refuseOutsideDates } from '../config/certificate-dates.ts';
import { loadConfig } from '../config/load.ts';
import { runCommand } from './exit.ts';
import { configOption } from './options.ts';
import { print } from './print.ts';

/** `xks-proxy config …`: the configuration file. */
export function addConfig(program: Command): void {
  program
    .command('config')
    .description('the configuration file')
    .command('check')
    .description(
      'read a configuration with all files that it names; nothing is opened. Exit status 2 if it is not right',
    )
    .addOption(configOption())
    .action(({ config: file }: { config: string }) =>
      runCommand(async () => {
        const { tokens, stores, server } = loadConfig(file);
        refuseOutsideDates(server.tls);
        const keys = stores.flatMap((store) => store.keys);
        const counts = [
          [tokens.length, 'token'],
          [stores.length, 'store'],
          [keys.length, 'key'],
        ] as const;
        const text = counts.map(([count, noun]) => `${count} ${noun}${count === 1 ? '' : 's'}`).join(', ');
        print(`${file} is right: ${text}`);
      }),
    );
}
