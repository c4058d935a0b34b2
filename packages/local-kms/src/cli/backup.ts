import type { Command } from 'commander';
import { backUp, restore } from '../store/backup.ts';
import type { Snapshot } from '../store/store.ts';
import { optionFile } from './option-file.ts';
import { addStoreOptions, requiredStoreOf, type StoreOptions } from './state-options.ts';

interface BackupOptions extends StoreOptions {
  readonly file: string;
}

/** `backup` and `restore`: what a store holds as one file, and the way back. Neither needs what the state is kept under. */
export function addBackupCommands(program: Command): void {
  addStoreOptions(program.command('backup'))
    .description('write the state, sealed as it is, into a file; a KMS may be at work with it')
    .requiredOption('--file <file>', 'which is not there yet')
    .action(async ({ file, ...store }: BackupOptions) => tell(await backUp(requiredStoreOf(store), file)));
  addStoreOptions(program.command('restore'))
    .description('begin a new directory or database with the state of a backup')
    .requiredOption('--file <file>', 'what backup has written')
    .action(async ({ file, ...store }: BackupOptions) =>
      tell(await restore(optionFile(file), requiredStoreOf(store))),
    );
}

function tell({ version, records }: Snapshot): void {
  process.stdout.write(`${JSON.stringify({ version, records: records.length })}\n`);
}
