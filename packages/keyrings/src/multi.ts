import { constantTimeEqual, type Keyring } from '@holdfast/sdk/spi';
import { dataKeyNotOpened, KeyringError } from './internal/errors.ts';
import { assertNoDataKey, wipedOnFailure } from './internal/wrapping.ts';

/** Options of {@link multiKeyring}: at least one keyring in all. */
export interface MultiKeyringOptions {
  /** Provides the data key on encrypt. Without one, this keyring can only add to a data key, or decrypt. */
  readonly generator?: Keyring;
  /** Each wraps the same data key on encrypt. */
  readonly children?: readonly Keyring[];
}

/**
 * Several keyrings as one: on encrypt every one of them must wrap the data key, on decrypt the first that can
 * open it is enough, generator first.
 *
 * Rejects with `KeyringError` `DATA_KEY_ALREADY_SET`, `DATA_KEY_MISSING` or, on decrypt, `DATA_KEY_NOT_OPENED` with
 * every keyring's failure; on encrypt with the failure of the keyring that failed.
 *
 * @throws TypeError without any keyring
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/multi-keyring.md
 * @example
 * const keyring = multiKeyring({ generator: awsKmsKeyring({ … }), children: [rawAesKeyring({ … })] });
 */
export function multiKeyring({ generator, children = [] }: MultiKeyringOptions): Keyring {
  const keyrings = generator === undefined ? [...children] : [generator, ...children];
  if (keyrings.length === 0) throw new TypeError('expected a generator or a child keyring');
  return {
    async onEncrypt(materials) {
      if (generator !== undefined) assertNoDataKey(materials);
      else if (materials.dataKey === undefined) {
        throw new KeyringError('DATA_KEY_MISSING', 'a multi-keyring without generator provides no data key');
      }
      const [first, ...others] = keyrings;
      const generated = (await first?.onEncrypt(materials)) ?? materials;
      if (generated.dataKey === undefined) {
        throw new KeyringError('DATA_KEY_MISSING', 'the generator keyring provided no data key');
      }
      return wipedOnFailure(generator && generated.dataKey, async () => {
        let wrapped = generated;
        for (const keyring of others) {
          wrapped = await keyring.onEncrypt(wrapped);
          // A message under another data key than the first one wrapped would open for some of them only.
          if (!isSame(wrapped.dataKey, generated.dataKey)) throw changedDataKey();
        }
        return wrapped;
      });
    },
    async onDecrypt(materials, encryptedDataKeys) {
      assertNoDataKey(materials);
      const causes: unknown[] = [];
      for (const keyring of keyrings) {
        try {
          const opened = await keyring.onDecrypt(materials, encryptedDataKeys);
          if (opened.dataKey !== undefined) return opened;
        } catch (cause) {
          causes.push(cause);
        }
      }
      throw dataKeyNotOpened(causes);
    },
  };
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && constantTimeEqual(a, b));
}

function changedDataKey(): KeyringError {
  return new KeyringError('KEY_SERVICE_ANSWER_INVALID', 'a child keyring changed the data key');
}
