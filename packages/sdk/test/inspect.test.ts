import { describe, expect, it } from 'vitest';
import { encryptionClient, inspectUnauthenticated } from '../src/index.ts';
import { memoryKeyring } from './fixtures/memory-keyring.ts';

describe('inspecting a message', () => {
  it('shows its header without a key', async () => {
    const keyring = memoryKeyring(3);
    const options = { keyring, encryptionContext: { a: '1' }, suite: 0x0478, frameLength: 77 } as const;
    const { message, header } = await encryptionClient().encrypt(Uint8Array.of(1), options);
    expect(inspectUnauthenticated(message)).toEqual(header);
    expect(inspectUnauthenticated(message)).toMatchObject({
      frameLength: 77,
      contentType: 'framed',
      suite: { id: 0x0478 },
    });
    expect(inspectUnauthenticated(message).encryptedDataKeys).toHaveLength(3);
  });

  it('says what is wrong with the bytes', async () => {
    const { message } = await encryptionClient().encrypt(Uint8Array.of(1), { keyring: memoryKeyring() });
    const inspecting = (bytes: Uint8Array) => () => inspectUnauthenticated(bytes);
    expect(inspecting(message.subarray(0, 50))).toThrow(
      expect.objectContaining({ code: 'MESSAGE_INCOMPLETE' }),
    );
    expect(inspecting(Uint8Array.of(3))).toThrow(expect.objectContaining({ code: 'MESSAGE_MALFORMED' }));
    expect(inspecting(Uint8Array.of(2, 0, 0))).toThrow(
      expect.objectContaining({ code: 'SUITE_UNSUPPORTED' }),
    );
    // @ts-expect-error a caller without types
    expect(inspecting('AgR4')).toThrow(TypeError);
  });
});
