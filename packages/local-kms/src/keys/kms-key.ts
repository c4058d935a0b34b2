import type { KeySpec, KeyUsage } from './key-specs.ts';
import type { KeyVersion } from './versions.ts';

/** A KMS key as it stands in one Region. */
export interface KmsKey {
  /** Lower-case UUID; `mrk-` and 32 hex digits for a multi-Region key, the same in all its Regions. */
  readonly id: string;
  readonly arn: string;
  readonly region: string;
  readonly spec: KeySpec;
  readonly usage: KeyUsage;
  /** Who made its material: this KMS, the user who imports it, or both this KMS and an external key store. */
  readonly origin: 'AWS_KMS' | 'EXTERNAL' | 'EXTERNAL_KEY_STORE';
  readonly createdAt: Date;
  readonly description: string;
  readonly enabled: boolean;
  readonly versions: readonly KeyVersion[];
  /** The key of an external key manager that encrypts a second time. */
  readonly external: ExternalKey | undefined;
  /** Only of multi-Region keys. The key in the primary Region is the one that is replicated and rotated. */
  readonly primaryRegion: string | undefined;
  readonly rotation: AutomaticRotation | undefined;
  readonly deletion: ScheduledDeletion | undefined;
  /** The key policy as it was put: JSON text. */
  readonly policy: string;
  /** Values by tag key. */
  readonly tags: ReadonlyMap<string, string>;
}

/** When the material of a symmetric key is replaced. Shared by related keys. */
interface AutomaticRotation {
  readonly periodDays: number;
  readonly nextAt: Date;
}

/** The waiting period of a key that is to be deleted. */
interface ScheduledDeletion {
  readonly windowDays: number;
  /** Undefined for a primary key as long as it has replicas: only then does the waiting begin. */
  readonly at: Date | undefined;
}

/** Which key of which external key store. */
export interface ExternalKey {
  readonly customKeyStoreId: string;
  readonly xksKeyId: string;
}
