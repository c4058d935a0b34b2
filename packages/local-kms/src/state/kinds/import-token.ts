import { z } from 'zod';
import { WRAPPING_ALGORITHMS } from '../../cryptography/key-wrapping.ts';
import type { ImportParameters } from '../../keys/import-tokens.ts';
import { importKeyPair } from '../../keys/material/key-pairs.ts';
import { materialBytes } from '../../keys/material/material-bytes.ts';
import type { RecordKind } from '../records.ts';
import { storedBytes, storedTime } from './stored.ts';

/** The import tokens of a Region by their digests, with the wrapping keys that go with them. */
export const importTokenKind: RecordKind<ImportParameters> = {
  name: 'import-token',
  toStored: ({ wrappingKey, validTo, ...parameters }) => ({
    ...parameters,
    wrappingKey: materialBytes(wrappingKey),
    validTo: validTo.getTime(),
  }),
  fromStored(stored) {
    const { wrappingKey: bytes, ...parameters } = parametersSchema.parse(stored);
    const wrappingKey = importKeyPair(bytes, ({ asymmetricKeyType }) => asymmetricKeyType === 'rsa');
    if (!wrappingKey) throw new RangeError('wrappingKey: expected a private key of RSA');
    return { ...parameters, wrappingKey };
  },
};

const parametersSchema = z.strictObject({
  keyId: z.string(),
  wrappingKey: storedBytes,
  wrappingAlgorithm: z.enum(WRAPPING_ALGORITHMS),
  validTo: storedTime,
});
