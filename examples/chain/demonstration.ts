import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Chain } from './chain.ts';
import { expectContext, expectSameBytes } from './comparison.ts';
import { holdfast } from './envelope.ts';
import { awsEncryptionSdk, exchange } from './interop.ts';
import type { Report } from './report.ts';
import { traceOf } from './trace.ts';

/** A file to encrypt. */
export interface Subject {
  readonly name: string;
  readonly plaintext: Uint8Array;
}

/**
 * Encrypts the file and opens it again through the whole chain, and shows the way of each request; then exchanges
 * messages with another implementation.
 *
 * @throws Mismatch if any comparison does not hold
 */
export async function demonstrate(chain: Chain, report: Report, { name, plaintext }: Subject): Promise<void> {
  const encryptionContext = { application: 'npm start', file: name };
  const ours = holdfast(chain);
  const theirs = awsEncryptionSdk(chain);
  const messageFile = join(chain.directory, 'message');
  const showRequest = async () => {
    const call = chain.calls.at(-1);
    if (call === undefined) throw new Error('the keyring did not call AWS KMS');
    report.trace(await traceOf(chain, call));
  };

  report.heading(`${name}, there and back`);
  await report.step(
    'encrypt',
    async () => {
      const message = await ours.seal(plaintext, encryptionContext);
      await writeFile(messageFile, message);
      return message;
    },
    (message) => `${count(plaintext.length)} bytes become a message of ${count(message.length)}`,
  );
  await showRequest();
  await report.step(
    'decrypt',
    async () => {
      const opened = await ours.open(await readFile(messageFile), encryptionContext);
      expectSameBytes('decrypt', opened.plaintext, plaintext);
      expectContext('decrypt', opened.encryptionContext, encryptionContext);
      return opened;
    },
    ({ suite }) => `the same bytes, the same context; ${suite.name}`,
  );
  await showRequest();

  report.heading('The AWS Encryption SDK for JavaScript (@aws-crypto/client-node) on the same KMS key');
  const directions = [
    { title: 'it reads us', sealer: ours, opener: theirs },
    { title: 'we read it', sealer: theirs, opener: ours },
  ];
  for (const { title, sealer, opener } of directions) {
    await report.step(
      title,
      () => exchange(title, sealer, opener, plaintext, encryptionContext),
      () => 'the same bytes, the same context',
    );
  }
}

function count(bytes: number): string {
  return bytes.toLocaleString('en');
}
