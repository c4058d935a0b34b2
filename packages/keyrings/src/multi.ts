import type { Keyring } from '@holdfast/sdk/spi';
import { assertArray } from './internal/array.ts';
import { dataKeyNotOpened } from './internal/data-key-not-opened.ts';
import { KeyringError } from './internal/errors.ts';
import {
  assertKeyring,
  assertNoDataKey,
  assertWrapped,
  wipeOnFailure,
  withDataKey,
} from './internal/wrapping.ts';

/** Options of {@link multiKeyring}: at least one keyring in all. */
export interface MultiKeyringOptions {
  /** Provides the data key on encrypt. Without one, this keyring can only add to a data key, or decrypt. */
  readonly generator?: Keyring;
  /** Each wraps the same data key on encrypt. */
  readonly children?: readonly Keyring[];
}

/**
 * Combines keyrings: on encrypt every one of them must wrap the data key; on decrypt one that can open it is enough, and
 * the generator is tried first.
 *
 * Rejects with `KeyringError` `DATA_KEY_ALREADY_SET`, `DATA_KEY_MISSING` or, on decrypt, `DATA_KEY_NOT_OPENED` with
 * every keyring's failure; on encrypt with the failure of the keyring that failed, or `KEY_SERVICE_ANSWER_INVALID` for
 * one that wrapped nothing, or changed the data key or the earlier encrypted data keys. Any other change that a keyring
 * makes is ignored: all of them wrap for the same message.
 *
 * @throws TypeError without any keyring, or for anything but keyrings
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/multi-keyring.md
 * @example
 * const keyring = multiKeyring({ generator: awsKmsKeyring({ … }), children: [rawAesKeyring({ … })] });
 */
export function multiKeyring({ generator, children = [] }: MultiKeyringOptions = {}): Keyring {
  assertArray('children', children);
  for (const child of children) assertKeyring('children', child);
  if (generator !== undefined) assertKeyring('generator', generator);
  const wrapping = [...children];
  const keyrings = generator === undefined ? wrapping : [generator, ...wrapping];
  if (keyrings.length === 0) throw new TypeError('generator: expected one, or children');
  return {
    async onEncrypt(materials) {
      if (generator !== undefined) assertNoDataKey(materials);
      const generated = (await generator?.onEncrypt(materials)) ?? materials;
      const { dataKey } = generated;
      if (dataKey === undefined) {
        throw new KeyringError(
          'DATA_KEY_MISSING',
          'there is no data key, and no generator that provided one',
        );
      }
      return wipeOnFailure(generator && dataKey, async () => {
        if (generator !== undefined) assertWrapped(materials, generated);
        let wrapped = { ...withDataKey(materials, dataKey), encryptedDataKeys: generated.encryptedDataKeys };
        for (const child of wrapping) {
          const answered = await child.onEncrypt(wrapped);
          assertWrapped(wrapped, answered);
          wrapped = { ...wrapped, encryptedDataKeys: answered.encryptedDataKeys };
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
