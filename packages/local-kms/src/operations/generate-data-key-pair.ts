import { dataKeyPairInput, withDataKeyPair } from '../key-use/data-key-pair.ts';
import { toBase64 } from '../protocol/base64.ts';
import { operation } from '../protocol/operation.ts';

/** A fresh key pair, its private key in plaintext and encrypted under a symmetric key. */
export const generateDataKeyPair = operation({
  input: dataKeyPairInput,
  unsupported: ['Recipient'],
  run: (input, call) =>
    withDataKeyPair(input, call, (privateKey) => ({ PrivateKeyPlaintext: toBase64(privateKey) })),
});
