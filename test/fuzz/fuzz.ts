import { EncryptionSdkError, encryptionClient } from '@holdfast/sdk';
import { corpus, keyring } from './corpus.ts';
import { mutations } from './mutate.ts';
import { type Random, randomFrom } from './random.ts';

/** When to stop: whatever comes first. */
interface FuzzOptions {
  readonly seed: number;
  readonly seconds?: number;
  readonly cases?: number;
}

/**
 * What should not be:
 * - `accepted`: changed messages that were decrypted
 * - `crashes`: errors that are not the SDK's own
 * - `slow`: messages that took more than a second of the processor's time
 * - `divergent`: messages that went another way in pieces than whole
 */
type Finding = 'accepted' | 'crashes' | 'slow' | 'divergent';

/** What came of it. Every finding names the mutation and the message in hex. */
type FuzzReport = Readonly<Record<Finding, readonly string[]>> & { readonly cases: number };

/** Decrypts changed messages, whole and every so often in pieces. */
export async function fuzz({
  seed,
  seconds = Infinity,
  cases: limit = Infinity,
}: FuzzOptions): Promise<FuzzReport> {
  const random = randomFrom(seed);
  const samples = await corpus();
  const originals = new Set(samples.map(({ message }) => hex(message)));
  const names = Object.keys(mutations);
  const findings: Record<Finding, string[]> = { accepted: [], crashes: [], slow: [], divergent: [] };
  const startedAtMs = performance.now();
  let cases = 0;
  while (cases < limit && performance.now() - startedAtMs < seconds * 1000) {
    const name = random.pick(names);
    const mutant = mutations[name]?.(random.pick(samples), random.pick(samples), random);
    if (mutant === undefined || originals.has(hex(mutant))) continue;
    cases += 1;
    const before = process.cpuUsage();
    const whole = await outcome(client.decrypt(mutant, { keyring }));
    const { user, system } = process.cpuUsage(before);
    const finding = `${name}: ${hex(mutant)}`;
    if (user + system > MAX_CPU_MICROSECONDS) findings.slow.push(finding);
    if (whole === 'accepted') findings.accepted.push(finding);
    else if (whole.startsWith('crash')) findings.crashes.push(`${whole}, ${finding}`);
    if (random.integer(8) === 0 && (await outcome(inPieces(mutant, random))) !== whole) {
      findings.divergent.push(finding);
    }
  }
  return { cases, ...findings };
}

async function outcome(decrypting: Promise<unknown>): Promise<string> {
  try {
    await decrypting;
    return 'accepted';
  } catch (error) {
    return error instanceof EncryptionSdkError ? error.code : `crash ${String(error)}`;
  }
}

async function inPieces(message: Uint8Array, random: Random): Promise<void> {
  const decryptor = client.decryptor({ keyring });
  const longest = 1 + random.integer(40);
  let start = 0;
  while (start < message.length) {
    const end = start + 1 + random.integer(longest);
    await decryptor.update(message.subarray(start, end));
    start = end;
  }
  await decryptor.final();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

const client = encryptionClient({ commitmentPolicy: 'REQUIRE_ENCRYPT_ALLOW_DECRYPT' });
const MAX_CPU_MICROSECONDS = 1_000_000;
