import type { ArnScope } from './arn.ts';
import type { Connections } from './key-stores/connections.ts';
import type { CustomKeyStores } from './key-stores/custom-key-stores.ts';
import type { Aliases } from './keys/aliases.ts';
import type { Keys } from './keys/keys.ts';
import type { XksCaller, XksClient } from './xks/client.ts';

/** Everything that operations work on. */
export interface Kms {
  readonly scope: ArnScope;
  readonly keys: Keys;
  readonly aliases: Aliases;
  readonly customKeyStores: CustomKeyStores;
  readonly connections: Connections;
  readonly xks: XksClient;
}

/** One request on its way through an operation. */
export interface Call extends Kms {
  /** What an XKS proxy is told about the request. */
  readonly xksCaller: XksCaller;
  /** Notes for the log which key the request is about. */
  concerns(keyArn: string): void;
}
