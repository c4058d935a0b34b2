import { expect, it } from 'vitest';
import { answerBytes, answerCiphertext } from '../../../src/internal/aws-kms/answer-bytes.ts';
import { foreignBytes } from '../../fixtures/materials.ts';

it('an answer may have bytes of any realm, and nothing else for bytes', () => {
  for (const bytes of [Uint8Array.of(1, 2), foreignBytes(Uint8Array.of(1, 2))]) {
    expect(answerBytes(bytes)).toBe(bytes);
    expect(answerCiphertext(bytes)).toBe(bytes);
  }
  for (const wrong of ['AQI=', [1, 2], new DataView(new ArrayBuffer(2)), undefined]) {
    expect(answerBytes(wrong)).toBeUndefined();
  }
});
