import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditLine, CHAIN_START, parseAuditLine } from '../../src/audit/record.ts';

const bytes = (text: string) => Buffer.from(text, 'utf8');

describe('an audit record', () => {
  it('is a line of canonical JSON with its number, the hash before it and its own', () => {
    const { line, head } = auditLine({ status: 200, event: 'request', reason: undefined }, CHAIN_START);
    const content = `{"event":"request","previous":"${'0'.repeat(64)}","sequence":1,"status":200}`;
    const hash = createHash('sha256').update(content).digest('hex');
    expect(line).toBe(content.replace('"previous"', `"hash":"${hash}","previous"`));
    expect(head).toEqual({ sequence: 1, hash });
  });

  it('is read as it was written, whatever its texts are', () => {
    const texts = fc.string({ unit: 'binary' });
    const fields = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.oneof(texts, fc.integer()));
    fc.assert(
      fc.property(fields, fc.nat(), (values, sequence) => {
        const before = { sequence, hash: CHAIN_START.hash };
        const { line, head } = auditLine(values, before);
        expect(line).not.toMatch(/[\r\n]/);
        expect(parseAuditLine(bytes(line))).toMatchObject({ ...head, previous: before.hash });
      }),
    );
  });

  it('is none any more with one byte changed, added or left out', () => {
    const { line } = auditLine({ event: 'request', kmsRequestId: 'ü � x' }, CHAIN_START);
    const original = bytes(line);
    const change = fc.record({
      at: fc.nat(original.length - 1),
      put: fc.uint8Array({ maxLength: 2 }),
      cut: fc.constantFrom(0, 1),
    });
    fc.assert(
      fc.property(change, ({ at, put, cut }) => {
        const changed = Buffer.concat([original.subarray(0, at), put, original.subarray(at + cut)]);
        fc.pre(!changed.equals(original));
        expect(parseAuditLine(changed)).toBeUndefined();
      }),
      { numRuns: 3000 },
    );
  });

  it.each(['', '{}', '[]', 'null', '1', '{"sequence":1}', '{"hash":1,"previous":2,"sequence":"3"}'])(
    'is not %j',
    (text) => {
      expect(parseAuditLine(bytes(text))).toBeUndefined();
    },
  );
});
