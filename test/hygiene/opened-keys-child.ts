// Has its memory searched after it has opened many wrapped keys and wiped each.
import { buffer } from 'node:stream/consumers';
import { aesGcmKey, secretBytes } from '@holdfast/sdk/spi';
import { ivOf, KEY_LENGTH, TAG_LENGTH, USES } from './opened-keys.ts';

const [wrappingKey = '', name = ''] = process.argv.slice(2);
const use = USES[name]?.();
const sealed = await buffer(process.stdin);
const key = await aesGcmKey(Buffer.from(wrappingKey, 'hex'));
const length = KEY_LENGTH + TAG_LENGTH;
let opened = 0;
for (; opened * length < sealed.length; opened += 1) {
  const dataKey = secretBytes(KEY_LENGTH);
  const isOpen = key.open(
    ivOf(opened),
    new Uint8Array(0),
    sealed.subarray(opened * length).subarray(0, length),
    dataKey,
  );
  // A promise for each would leave pauses in which nothing happens to the memory.
  if (isOpen !== true) throw new Error('expected a key that opens at once');
  const used = use?.(dataKey);
  if (used !== undefined) await used;
  dataKey.fill(0);
}
globalThis.gc?.();
process.stdout.write(`${opened}\n`);
setInterval(() => undefined, 1_000);
