import type { CallWatch } from '../devices/call-watch.ts';
import type { Fleet } from '../devices/fleet.ts';
import type { Store } from '../stores.ts';
import type { JsonObject, MetadataField } from '../wire.ts';

/** One operation of the API: what its metadata must hold, and what it does with an authenticated body. */
export interface Operation {
  readonly name: 'GetKeyMetadata' | 'Encrypt' | 'Decrypt' | 'GetHealthStatus';
  readonly requiredMetadata: readonly MetadataField[];
  /** Whether it is about a key, and so for the policy and the quota of the store to decide. */
  readonly concernsKey: boolean;
  /** Resolves to the body of a 200 answer; rejects with an `XksException` otherwise. */
  run(body: JsonObject, context: OperationContext): Promise<JsonObject>;
}

interface OperationContext {
  readonly store: Store;
  /** From the request path; empty for the one operation that names no key. */
  readonly externalKeyId: string;
  /** Over every device call of this request. */
  readonly watch: CallWatch;
  readonly fleet: Fleet;
  /** Told which generation of the key is in use, for the log. */
  readonly onKeyVersion: (version: number) => void;
}
