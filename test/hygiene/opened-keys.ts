import {
  EncryptedDataKey,
  KeyringNode,
  KeyringTraceFlag,
  NodeAlgorithmSuite,
  NodeDecryptionMaterial,
  type NodeEncryptionMaterial,
} from '@aws-crypto/material-management';
import { fromAwsCrypto, toAwsCrypto } from '@holdfast/keyrings/aws-crypto';
import { type Keyring, suiteById } from '@holdfast/sdk/spi';

export const KEY_LENGTH = 32;
export const TAG_LENGTH = 16;

/** What is done with a data key between its opening and the end, by name. */
export const USES: Readonly<Record<string, () => (dataKey: Uint8Array) => Promise<unknown> | undefined>> = {
  'that were opened': () => () => undefined,
  // Their own keyrings leave copies, so that these wrap nothing.
  'that a keyring of @aws-crypto was to wrap': () => {
    const keyring = fromAwsCrypto(new WrapsNothing());
    const suite = suiteById(SUITE);
    if (suite === undefined) throw new TypeError('expected a suite');
    const materials = {
      suite,
      encryptionContext: {},
      requiredEncryptionContextKeys: [],
      encryptedDataKeys: [],
    };
    return (dataKey) => keyring.onEncrypt({ ...materials, dataKey });
  },
  'that a client of @aws-crypto got': () => {
    let dataKey: Uint8Array | undefined;
    const ours: Keyring = {
      onEncrypt: async (materials) => materials,
      onDecrypt: async (materials) => (dataKey === undefined ? materials : { ...materials, dataKey }),
    };
    const bridge = toAwsCrypto(ours);
    return async (next) => {
      dataKey = next;
      const theirs = new NodeDecryptionMaterial(new NodeAlgorithmSuite(SUITE), {});
      await bridge.onDecrypt(theirs, [encryptedDataKey()]);
      theirs.zeroUnencryptedDataKey();
    };
  },
};

class WrapsNothing extends KeyringNode {
  async _onEncrypt(materials: NodeEncryptionMaterial) {
    return materials.addEncryptedDataKey(
      encryptedDataKey(),
      KeyringTraceFlag.WRAPPING_KEY_ENCRYPTED_DATA_KEY,
    );
  }

  async _onDecrypt(materials: NodeDecryptionMaterial) {
    return materials;
  }
}

/** The initialization vector of one of many keys that are wrapped under the same one. */
export function ivOf(index: number): Uint8Array {
  const iv = Buffer.alloc(12);
  iv.writeUInt32BE(index);
  return iv;
}

function encryptedDataKey(): EncryptedDataKey {
  return new EncryptedDataKey({
    providerId: 'none',
    providerInfo: 'none',
    encryptedDataKey: new Uint8Array(KEY_LENGTH),
  });
}

const SUITE = 0x0478;
