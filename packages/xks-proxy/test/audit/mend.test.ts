import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { mend } from '../../src/audit/mend.ts';
import { auditLine, CHAIN_START, type ChainHead } from '../../src/audit/record.ts';
import { temporaryFolder } from '../fixtures/folder.ts';

/** Five records: heads, and their lines with line feeds. */
const heads: ChainHead[] = [];
const lines = Array.from({ length: 5 }, (_, number) => {
  const { line, head } = auditLine({ event: 'request', number }, heads.at(-1) ?? CHAIN_START);
  heads.push(head);
  return Buffer.from(`${line}\n`);
});
const [first = Buffer.alloc(0), second = Buffer.alloc(0), ...others] = lines;
const written = Buffer.concat([first, second]);
const attempted = Buffer.concat(others);
const place = { head: heads[1] ?? CHAIN_START, size: written.length, lastLine: second };

it('keeps the whole records of a write that failed anywhere, and cuts off the rest', async () => {
  const file = join(temporaryFolder(), 'file');
  await fc.assert(
    fc.asyncProperty(fc.nat(attempted.length), async (length) => {
      writeFileSync(file, Buffer.concat([written, attempted.subarray(0, length)]));
      const mended = await mend(file, place, attempted);
      await mended.handle.close();
      const content = readFileSync(file);
      expect(content.length + mended.cutBytes).toBe(written.length + length);
      const whole = lines.filter(
        (_, index) => Buffer.concat(lines.slice(0, index + 1)).length <= content.length,
      );
      expect(content).toEqual(Buffer.concat(whole));
      const { head, size, lastLine } = mended.place;
      expect(head).toEqual(heads[whole.length - 1]);
      expect(size).toBe(content.length);
      expect(Buffer.compare(lastLine, whole.at(-1) ?? Buffer.alloc(0))).toBe(0);
    }),
  );
});

it('leaves a file alone that lacks the last known record, or has anything else behind it', async () => {
  const file = join(temporaryFolder(), 'file');
  const foreign = fc.record({ length: fc.nat(attempted.length), more: fc.uint8Array({ minLength: 1 }) });
  const cut = fc.nat(written.length - 1).map((length) => written.subarray(0, length));
  const longer = foreign.map(({ length, more }) =>
    Buffer.concat([written, attempted.subarray(0, length), more]),
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(cut, longer), async (content) => {
      const isOfWrite = Buffer.concat([written, attempted]).subarray(0, content.length).equals(content);
      fc.pre(content.length < written.length || !isOfWrite);
      writeFileSync(file, content);
      await expect(mend(file, place, attempted)).rejects.toThrow('not as it was left');
      expect(readFileSync(file)).toEqual(Buffer.from(content));
    }),
  );
});
