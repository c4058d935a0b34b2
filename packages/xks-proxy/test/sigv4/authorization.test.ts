import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseAuthorization } from '../../src/sigv4/authorization.ts';

const part = fc.stringMatching(/^[A-Za-z0-9+-]{1,60}$/);

it('an Authorization header parses to what it was made of', () => {
  fc.assert(
    fc.property(
      fc.tuple(part, fc.stringMatching(/^\d{8}$/), part, part, part),
      fc.array(fc.stringMatching(/^[a-z0-9-]{1,20}$/), { minLength: 1, maxLength: 8 }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      ([accessKeyId, date, region, service, terminator], signedHeaders, signature) => {
        const scope = `${date}/${region}/${service}/${terminator}`;
        const hex = Buffer.from(signature).toString('hex');
        const header = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signedHeaders.join(';')}, Signature=${hex}`;
        const parsed = parseAuthorization(header);
        expect(parsed).toMatchObject({
          accessKeyId,
          date,
          region,
          service,
          terminator,
          scope,
          signedHeaders,
        });
        expect(Buffer.compare(parsed?.signature ?? new Uint8Array(), signature)).toBe(0);
      },
    ),
  );
});

it('anything else parses to nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      expect(parseAuthorization(text)).toBeUndefined();
      expect(parseAuthorization(`AWS4-HMAC-SHA256 Credential=${text}`)).toBeUndefined();
    }),
  );
});
