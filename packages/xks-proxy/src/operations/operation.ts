import type { FleetHealth } from '../health.ts';
import type { KeyDevice } from '../key-device.ts';
import type { Store } from '../stores.ts';
import type { JsonObject, MetadataField } from '../wire.ts';

/** One operation of the API: what its metadata must hold, and what it does with an authenticated body. */
export interface Operation {
  readonly name: 'GetKeyMetadata' | 'Encrypt' | 'Decrypt' | 'GetHealthStatus';
  readonly requiredMetadata: readonly MetadataField[];
  /** Resolves to the body of a 200 answer; rejects with an `XksException` otherwise. */
  run(body: JsonObject, context: OperationContext): Promise<JsonObject>;
}

interface OperationContext {
  readonly store: Store;
  /** From the request path; empty for the one operation that names no key. */
  readonly externalKeyId: string;
  readonly device: KeyDevice;
  readonly health: FleetHealth;
}
