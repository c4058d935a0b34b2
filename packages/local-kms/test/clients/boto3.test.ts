import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { OPERATIONS } from '../../src/operations/index.ts';
import { startKms } from '../fixtures/kms.ts';
import { missing, output } from '../fixtures/programs.ts';

const SESSION = fileURLToPath(new URL('boto3_session.py', import.meta.url));
const PROGRAM = 'import boto3; boto3.client("kms", "eu-north-1").get_key_last_usage';
const reason = missing('python3', ['-c', PROGRAM], 'no boto3 of 2026: pip install boto3');
const summary = z.object({ called: z.array(z.string()), known: z.array(z.string()) });

describe.skipIf(reason !== '')(`boto3${reason}`, { timeout: 120_000 }, () => {
  test('gets from every operation that it knows the answers of AWS', async () => {
    const { url } = await startKms({ accountId: '000000000000' });
    const { called, known } = summary.parse(JSON.parse(await output('python3', [SESSION], url)));
    expect(called).toEqual(known.filter((operation) => OPERATIONS.has(operation)));
  });
});
