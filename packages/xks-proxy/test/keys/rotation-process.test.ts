import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { openModule } from '@holdfast/pkcs11';
import { expect, it, onTestFinished, vi } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { lockOf } from '../../src/files/file-lock.ts';
import { createKey } from '../../src/keys/create.ts';
import { rotateInProcess } from '../../src/keys/rotation-process.ts';
import { temporaryFolder } from '../fixtures/folder.ts';
import { codeIn, codeOf, writeConfigWithFiles } from '../fixtures/store-files.ts';

it('a rotation that hangs is given up, and its process killed', async () => {
  // A process that reads it waits for a writer, and gets no other event meanwhile.
  const configFile = join(temporaryFolder(), 'config.toml');
  makePipe(configFile);
  const startedAtMs = performance.now();
  const place = { configFile, store: 'acme' };
  const rotation = rotateInProcess({ place, externalKeyId: 'orders', expected: 1 }, TIMEOUT_MS);
  expect(await codeOf(rotation)).toBe('TOKEN_UNAVAILABLE');
  expect(performance.now() - startedAtMs).toBeGreaterThan(TIMEOUT_MS - 1);
  // Soon no process waits for a writer any more. If one did, the first attempt would keep it waiting for the text.
  const write = () => codeIn(() => openSync(configFile, constants.O_WRONLY | constants.O_NONBLOCK));
  await expect.poll(write).toBe('ENXIO');
}, 30_000);

it('a rotation that cannot write its file says so', async () => {
  const files = await writeConfigWithFiles();
  onTestFinished(() => files.dispose());
  await createKey(files.place, { externalKeyId: 'stuck' });
  // The name of its lock is too long for a file, even for root.
  const name = `${'k'.repeat(250)}.toml`;
  renameSync(files.keysFile, join(files.directory, name));
  writeFileSync(files.configFile, files.toml.replace('acme.keys.toml', name));
  const rotation = rotateInProcess({ place: files.place, externalKeyId: 'stuck', expected: 1 });
  expect(await codeOf(rotation)).toBe('CHANGE_REFUSED');
}, 30_000);

it('a rotation that is given up while it changes the file is not killed, and comes to its end', async () => {
  const files = await writeConfigWithFiles();
  onTestFinished(() => files.dispose());
  await createKey(files.place, { externalKeyId: 'late' });
  const lock = lockOf(files.keysFile);
  const module = openModule({ path: files.token.modulePath });
  onTestFinished(() => module.close());
  const token = module.openToken({ label: files.token.label, pin: files.pin });
  const isMade = () => token.aesKeys().some(({ label }) => label.startsWith('late.v2.'));
  const configFile = join(files.directory, 'slow.toml');
  makePipe(configFile);
  // Frees a reader or a writer that waits for the other side.
  onTestFinished(() => closeSync(openSync(configFile, 'r+')));
  /** Gives the reader of the file its text; before that, the file for the next reader takes its place. */
  const answer = async (reader: FileHandle, makeNext: (path: string) => void) => {
    makeNext(`${configFile}.next`);
    renameSync(`${configFile}.next`, configFile);
    await reader.writeFile(files.toml);
    await reader.close();
  };

  vi.useFakeTimers({ toFake: ['setTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const place = { configFile, store: 'acme' };
  const rotation = codeOf(rotateInProcess({ place, externalKeyId: 'late', expected: 1 }));
  let reader = await open(configFile, 'w');
  while (!(existsSync(lock) && isMade())) {
    await answer(reader, makePipe);
    reader = await open(configFile, 'w');
  }
  vi.advanceTimersByTime(60_000);
  expect(await rotation).toBe('TOKEN_UNAVAILABLE');
  await answer(reader, (path) => writeFileSync(path, files.toml));
  await expect.poll(() => existsSync(lock), { timeout: 20_000 }).toBe(false);
  const [{ keys } = expect.unreachable()] = loadConfig(files.configFile).stores;
  expect(keys.find(({ externalKeyId }) => externalKeyId === 'late')?.versions).toHaveLength(2);
}, 60_000);

const makePipe = (path: string) => void execFileSync('mkfifo', [path]);
const TIMEOUT_MS = 4000;
