import type { CallWatch } from '../devices/call-watch.ts';
import type { Fleet } from '../devices/fleet.ts';
import type { Store } from '../stores.ts';
import type { JsonObject, MetadataField } from '../wire.ts';

/** One operation of the API: the metadata that it requires, and what it does with an authenticated body. */
export interface Operation {
  readonly name: 'GetKeyMetadata' | 'Encrypt' | 'Decrypt' | 'GetHealthStatus';
  readonly requiredMetadata: readonly MetadataField[];
  /** Whether it is about a key: then the policy and the quota of the store apply. */
  readonly concernsKey: boolean;
  /** Resolves to the body of a 200 answer; rejects with an `XksException` otherwise. */
  run(body: JsonObject, context: OperationContext): Promise<JsonObject>;
}

interface OperationContext {
  readonly store: Store;
  /** From the request path; empty for the one operation that names no key. */
  readonly externalKeyId: string;
  /** Watches every device call of this request. */
  readonly watch: CallWatch;
  readonly fleet: Fleet;
  /** Called with the generation of the key that is used, for the log. */
  readonly onKeyVersion: (version: number) => void;
}
