import { dataKeyPairInput, withDataKeyPair } from '../key-use/data-key-pair.ts';
import { operation } from '../protocol/operation.ts';

/** A fresh key pair, its private key only encrypted under a symmetric key. */
export const generateDataKeyPairWithoutPlaintext = operation({
  input: dataKeyPairInput,
  run: (input, call) => withDataKeyPair(input, call, () => ({})),
});
