import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCompiler } from '@holdfast/testbed/shim';
import { describe, expect, it } from 'vitest';
import { deadlineIn } from '../../packages/xks-proxy/src/deadline.ts';
import { faultyToken } from './fixture.ts';

const input = {
  selector: { label: 'orders' },
  aad: Buffer.from('context and metadata'),
  plaintext: Buffer.from('a data key'),
  additionalAuthenticatedData: Buffer.from('context'),
  ciphertextMetadata: Buffer.from('metadata'),
};

describe.skipIf(!hasCompiler()).each(['inline', 'worker', 'threadpool'] as const)(
  'an encryption that is checked, with %s calls',
  (calls) => {
    it('has the integrity value of what it sealed, which opens', async () => {
      const { device } = (await faultyToken({ calls })).open;
      const { integrityValue, ...sealed } = await device.encryptChecked(input);
      const hash = createHash('sha256').update('contextmetadata');
      for (const part of [sealed.iv, sealed.ciphertext, sealed.tag]) hash.update(part);
      expect(Buffer.from(integrityValue).equals(hash.digest())).toBe(true);
      const { selector, aad, plaintext } = input;
      expect(plaintext.equals(await device.decrypt({ selector, aad, ...sealed }))).toBe(true);
      // It is the caller's.
      expect(plaintext.toString()).toBe('a data key');
    });

    it('fails as the token when that does not open what it sealed', async () => {
      const { shim, open } = await faultyToken({ calls });
      await open.device.encryptChecked(input);
      shim.fail('C_Decrypt', { returns: CKR_ENCRYPTED_DATA_INVALID }, -1);
      for (let round = 0; round < 5; round += 1) {
        await expect(open.device.encryptChecked(input)).rejects.toMatchObject({
          errorName: 'InternalException',
          cause: { code: 'DEVICE_ERROR' },
        });
      }
      expect(open.status()).toBe('UNAVAILABLE');
    });
  },
);

// Inline, the event loop cannot know before the second call has returned as well.
describe.skipIf(!hasCompiler()).each(['worker', 'threadpool'] as const)(
  'an encryption that is checked, with %s calls,',
  (calls) => {
    it('asks the token for nothing more when its time is over', async () => {
      const { shim, open } = await faultyToken({ calls });
      await open.device.encryptChecked(input);
      shim.fail('C_Encrypt', { delayMs: 300 });
      shim.fail('C_DecryptInit', { delayMs: 0 }, -1);
      await expect(open.device.encryptChecked(input, { deadline: deadlineIn(200) })).rejects.toMatchObject({
        errorName: 'DependencyTimeoutException',
      });
      await sleep(400);
      expect(shim.hits('C_DecryptInit')).toBe(0);
    });
  },
);

const CKR_ENCRYPTED_DATA_INVALID = 0x40;
