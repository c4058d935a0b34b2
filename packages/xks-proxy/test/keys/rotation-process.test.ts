import { execFileSync } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { rotateInProcess } from '../../src/keys/rotation-process.ts';
import { temporaryFolder } from '../fixtures/folder.ts';
import { codeIn, codeOf } from '../fixtures/store-files.ts';

it('a rotation that hangs is given up, and its process killed', async () => {
  // Whoever reads it waits for a writer, and hears of nothing else.
  const configFile = join(temporaryFolder(), 'config.toml');
  execFileSync('mkfifo', [configFile]);
  const startedAtMs = performance.now();
  const place = { configFile, store: 'acme' };
  const rotation = rotateInProcess({ place, externalKeyId: 'orders', expected: 1 }, TIMEOUT_MS);
  expect(await codeOf(rotation)).toBe('TOKEN_UNAVAILABLE');
  expect(performance.now() - startedAtMs).toBeGreaterThan(TIMEOUT_MS - 1);
  await sleep(1000);
  // Nobody waits for a writer any more.
  expect(codeIn(() => openSync(configFile, constants.O_WRONLY | constants.O_NONBLOCK))).toBe('ENXIO');
}, 30_000);

const TIMEOUT_MS = 4000;
