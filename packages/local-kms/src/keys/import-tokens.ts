import { createHash, randomBytes } from 'node:crypto';
import { type Clock, daysAfter } from '../clock.ts';
import type { WrappingAlgorithm } from '../cryptography/key-wrapping.ts';
import { KmsException } from '../kms-exception.ts';
import type { Table } from '../state/table.ts';
import type { KeyPairMaterial } from './material/key-material.ts';

/** A wrapping key that was handed out for one key, and how it is to be used. */
export interface ImportParameters {
  readonly keyId: string;
  readonly wrappingKey: KeyPairMaterial;
  readonly wrappingAlgorithm: WrappingAlgorithm;
  readonly validTo: Date;
}

/** The import tokens of one Region. */
export interface ImportTokens {
  /** Valid for 24 hours, as often as it is used. */
  issue(parameters: Omit<ImportParameters, 'validTo'>): ImportParameters & { readonly token: Uint8Array };
  /** Throws InvalidImportTokenException for a token that is not of the key, or ExpiredImportTokenException. */
  redeem(token: Uint8Array, keyId: string): ImportParameters;
}

/** The tokens of a table, by their digests. Of many, the oldest are forgotten. */
export function createImportTokens(issued: Table<ImportParameters>, clock: Clock): ImportTokens {
  return {
    issue(parameters) {
      const [oldest] = issued.keys();
      if (oldest !== undefined && issued.size >= MAX_TOKENS) issued.delete(oldest);
      const token = randomBytes(TOKEN_BYTES);
      const complete = { ...parameters, validTo: daysAfter(clock.now(), 1) };
      issued.set(digestOf(token), complete);
      return { ...complete, token };
    },
    redeem(token, keyId) {
      const parameters = issued.get(digestOf(token));
      if (parameters?.keyId !== keyId) {
        throw new KmsException('InvalidImportTokenException', 'The import token is not one of this key.');
      }
      if (parameters.validTo > clock.now()) return parameters;
      throw new KmsException('ExpiredImportTokenException', 'The import token has expired.');
    },
  };
}

function digestOf(token: Uint8Array): string {
  return createHash('sha256').update(token).digest('hex');
}

const TOKEN_BYTES = 64;
const MAX_TOKENS = 1000;
