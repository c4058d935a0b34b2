import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { onToken } from '../../src/keys/on-token.ts';
import { writeTestConfig } from '../fixtures/proxy.ts';
import { codeOf } from '../fixtures/store-files.ts';

it.each([
  ['was taken', undefined, undefined],
  ['was refused', 'wrong', 'PIN_REFUSED'],
])('the copy of a PIN that %s does not stay in memory', async (_title, pin, code) => {
  const files = await writeTestConfig();
  onTestFinished(() => files.dispose());
  if (pin !== undefined) writeFileSync(join(files.directory, 'pin'), pin);
  const [token = expect.unreachable()] = loadConfig(files.configFile).tokens;
  const exported = vi.spyOn(token.pin, 'export');
  expect(await codeOf(onToken(token, () => undefined))).toBe(code);
  expect(exported.mock.results).toMatchObject([{ value: Buffer.alloc((pin ?? files.pin).length) }]);
});
