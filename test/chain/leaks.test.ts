import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { startChain } from '../../examples/chain/chain.ts';
import { holdfast } from '../../examples/chain/envelope.ts';

/** Every way in which `secret` could stand in a text, whatever stands beside it. */
function tracesOf(secret: Uint8Array): string[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((offset) => {
    // Only the characters that depend on no neighbouring byte.
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    return encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
  });
  const hex = bytes.toString('hex');
  return [
    bytes.toString('utf8'),
    bytes.toString('latin1'),
    hex,
    hex.toUpperCase(),
    [...bytes].join(','),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
}

function isIn(text: string, secret: Uint8Array): boolean {
  // Node prints bytes in columns, and their hex digits in pairs.
  const texts = [text, text.replace(/\s+/g, '')];
  return tracesOf(secret).some((trace) => texts.some((candidate) => candidate.includes(trace)));
}

function expectNoTrace(text: string, secrets: Readonly<Record<string, Uint8Array>>): void {
  const found = Object.entries(secrets).filter(([, secret]) => isIn(text, secret));
  expect(found.map(([name]) => name)).toEqual([]);
}

test('logs and errors hold the request ids, and no plaintext, key, secret or PIN', async () => {
  const chain = await startChain();
  const plaintext = Buffer.from(`confidential: ${randomBytes(24).toString('hex')}`, 'utf8');
  const encryptionContext = { patient: randomBytes(12).toString('hex') };
  const errors: unknown[] = [];
  const fail = async (attempt: Promise<unknown>) =>
    errors.push(
      await attempt.then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
  const read = (name: string) => readFileSync(join(chain.directory, name));
  const secrets: Record<string, Uint8Array> = {
    plaintext,
    'encryption context': Buffer.from(encryptionContext.patient),
    PIN: read('pin'),
    'secret access key': read('secret-access-key'),
    'secret access key, decoded': Buffer.from(read('secret-access-key').toString(), 'base64'),
    'private key of the proxy': Buffer.from(read('proxy.key').toString().split('\n')[1] ?? ''),
  };
  try {
    const envelope = holdfast(chain);
    const message = await envelope.seal(plaintext, encryptionContext);
    await envelope.open(message, encryptionContext);
    const { Plaintext: dataKey = new Uint8Array(), CiphertextBlob } = await chain.kms.generateDataKey({
      KeyId: chain.keyArn,
      KeySpec: 'AES_256',
      EncryptionContext: encryptionContext,
    });
    secrets['data key'] = Uint8Array.from(dataKey);
    await chain.kms.encrypt({
      KeyId: chain.keyArn,
      Plaintext: plaintext,
      EncryptionContext: encryptionContext,
    });
    const wrapped = CiphertextBlob ?? new Uint8Array();
    const last = wrapped.length - 1;
    const changed = wrapped.with(last, (wrapped[last] ?? 0) ^ 1);
    await fail(chain.kms.decrypt({ CiphertextBlob: changed, EncryptionContext: encryptionContext }));
    await fail(chain.kms.decrypt({ CiphertextBlob, EncryptionContext: { patient: 'another' } }));
    await fail(envelope.open(message.subarray(0, -1), encryptionContext));
    await chain.proxy.stop();
    await fail(envelope.open(message, encryptionContext));
    await fail(envelope.seal(plaintext, encryptionContext));
  } finally {
    await chain.close();
  }

  expect(errors).not.toContain(undefined);
  const logs = [...chain.proxy.output, ...chain.localKms.output].join('\n');
  for (const { requestId } of chain.calls) expect(logs).toContain(requestId);
  expectNoTrace(logs, secrets);
  expectNoTrace(errors.map((error) => inspect(error, { depth: 10, showHidden: true })).join('\n'), secrets);
});

test('a secret is found in a log however it is written there', () => {
  const secret = randomBytes(32);
  const base64 = (before: number) =>
    Buffer.concat([randomBytes(before), secret, randomBytes(5)]).toString('base64');
  const writings = [
    secret.toString('hex'),
    secret.toString('latin1'),
    inspect(secret),
    inspect([...secret]),
    JSON.stringify(secret),
    base64(0),
    base64(1),
    base64(2),
  ];
  for (const writing of writings) expect(isIn(`before ${writing} after`, secret)).toBe(true);
  expect(isIn(inspect(randomBytes(32)), secret)).toBe(false);
});
