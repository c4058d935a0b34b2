import { EncryptionSdkError, type EncryptionSdkErrorCode } from '@holdfast/sdk';

/** Notes a fact that holds; throws for one that does not. */
export type Holds = (fact: boolean, title: string) => void;

/** True for the same bytes. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** The code with which a call fails; undefined if it does not. Rejects with what is no error of the SDK. */
export async function codeOf(call: Promise<unknown>): Promise<EncryptionSdkErrorCode | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (error instanceof EncryptionSdkError) return error.code;
    throw error;
  }
}
