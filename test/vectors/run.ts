import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  type DecryptResult,
  EncryptionSdkError,
  encryptionClient,
  type Keyring,
  requiredEncryptionContextCmm,
} from '@holdfast/sdk';
import { vectorKeyring } from './keyrings.ts';
import { type Manifest, type Mutation, readManifest, type Vector } from './manifest.ts';

/** What became of the tests of a manifest. A mutated message is a test of its own. */
export interface VectorReport {
  passed: number;
  readonly failures: string[];
  /** Keyring type → tests that need it and did not run. */
  readonly skipped: Map<string, number>;
}

/** Runs every test of a manifest file, mutations included. */
export async function runManifest(file: string): Promise<VectorReport> {
  const manifest = readManifest(file);
  const report: VectorReport = { passed: 0, failures: [], skipped: new Map() };
  for (const vector of manifest.tests) {
    const built = vectorKeyring(vector.keyring, manifest.keys);
    if ('missing' in built) {
      report.skipped.set(built.missing, (report.skipped.get(built.missing) ?? 0) + 1);
    } else {
      await runVector({ manifest, vector, keyring: built.keyring, directory: dirname(file) }, report);
    }
  }
  return report;
}

interface Run {
  readonly manifest: Manifest;
  readonly vector: Vector;
  readonly keyring: Keyring;
  readonly directory: string;
}

async function runVector(run: Run, report: VectorReport): Promise<void> {
  const { manifest, vector, directory } = run;
  const message = readFileSync(resolve(directory, vector.ciphertext));
  const plaintext =
    vector.plaintext === undefined ? undefined : readFileSync(resolve(directory, vector.plaintext));
  const problem = (await outcome(run, message, plaintext)) ?? (await outcome(run, message, plaintext, 7));
  if (problem === undefined) report.passed += 1;
  else report.failures.push(`${manifest.name}/${vector.id}: ${problem}`);

  for (const { op } of manifest.mutations) {
    for (const [detail, mutant] of mutants(op, message)) {
      const problem = await refusal(decrypt(run, mutant));
      if (problem === undefined) report.passed += 1;
      else report.failures.push(`${manifest.name}/${vector.id}: ${problem} ${op} ${detail}`);
    }
  }
}

/** What is wrong with the way a message was taken, whole or in pieces, `undefined` if nothing. */
async function outcome(
  run: Run,
  message: Uint8Array,
  plaintext?: Uint8Array,
  pieceLength?: number,
): Promise<string | undefined> {
  const { vector } = run;
  const decrypting =
    pieceLength === undefined ? decrypt(run, message) : decryptPieces(run, message, pieceLength);
  let result: Opened;
  try {
    result = await decrypting;
  } catch (error) {
    if (vector.expect === 'success') return `refused: ${String(error)}`;
    return refusal(decrypting);
  }
  if (vector.expect === 'reject') return 'accepted';
  if (plaintext !== undefined && Buffer.compare(plaintext, result.plaintext) !== 0)
    return 'another plaintext';
  const { 'aws-crypto-public-key': _, ...encryptionContext } = result.encryptionContext;
  const { header } = result;
  const facts = {
    encryptionContext,
    suite: `0x${header.suite.id.toString(16).padStart(4, '0')}`,
    messageVersion: header.suite.messageVersion,
    contentType: header.contentType.replace('-', ''),
    frameLength: header.frameLength,
    encryptedDataKeys: header.encryptedDataKeys.length,
    expectedCommitKey: Buffer.from(header.commitKey).toString('base64'),
    messageId: Buffer.from(header.messageId).toString('base64'),
  };
  for (const [name, found] of Object.entries(facts)) {
    const expected: unknown = Reflect.get(vector, name);
    if (expected !== undefined && !isDeepStrictEqual(found, expected)) return `another ${name}`;
  }
  return undefined;
}

/** What is wrong with a refusal: that there is none, or that it is no error of the SDK. */
async function refusal(decrypting: Promise<unknown>): Promise<string | undefined> {
  try {
    await decrypting;
    return 'accepted';
  } catch (error) {
    return error instanceof EncryptionSdkError ? undefined : `crashed: ${String(error)}`;
  }
}

type Opened = Pick<DecryptResult, 'plaintext' | 'encryptionContext' | 'header'>;

async function decryptPieces(run: Run, message: Uint8Array, pieceLength: number): Promise<Opened> {
  let opened: Omit<Opened, 'plaintext'> | undefined;
  const { client, options } = setting(run);
  const decryptor = client.decryptor({ ...options, onHeader: (header) => (opened = header) });
  const parts: Uint8Array[] = [];
  for (let start = 0; start < message.length; start += pieceLength) {
    parts.push(...(await decryptor.update(message.subarray(start, start + pieceLength))));
  }
  parts.push(...(await decryptor.final()));
  if (opened === undefined) throw new Error('the header was never told');
  return { ...opened, plaintext: Buffer.concat(parts) };
}

function decrypt(run: Run, message: Uint8Array): Promise<DecryptResult> {
  const { client, options } = setting(run);
  return client.decrypt(message, options);
}

function setting({ vector, keyring }: Run) {
  const { commitmentPolicy, maxEncryptedDataKeys, requiredEncryptionContextKeys } = vector;
  const client = encryptionClient({
    commitmentPolicy,
    ...(maxEncryptedDataKeys === undefined ? {} : { maxEncryptedDataKeys }),
  });
  const source =
    requiredEncryptionContextKeys === undefined
      ? { keyring }
      : { cmm: requiredEncryptionContextCmm({ keyring, requiredEncryptionContextKeys }) };
  return { client, options: { ...source, encryptionContext: vector.reproducedEncryptionContext } };
}

function* mutants(op: Mutation, message: Uint8Array): Generator<[detail: string, mutant: Uint8Array]> {
  switch (op) {
    case 'flip-each-bit':
      for (let bit = 0; bit < message.length * 8; bit++) {
        const mutant = Uint8Array.from(message);
        const index = bit >> 3;
        mutant[index] = (message[index] ?? 0) ^ (1 << (bit & 7));
        yield [`${bit}`, mutant];
      }
      return;
    case 'truncate-each-length':
      for (let length = 0; length < message.length; length++)
        yield [`${length}`, message.subarray(0, length)];
      return;
    case 'append-byte':
      for (let byte = 0; byte < 256; byte++) yield [`${byte}`, Uint8Array.of(...message, byte)];
      return;
    case 'duplicate':
      yield ['', Uint8Array.of(...message, ...message)];
      return;
  }
}
