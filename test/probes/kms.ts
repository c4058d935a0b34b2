import { asymmetricProbes } from './kms/asymmetric.ts';
import { encryptionProbes } from './kms/encryption.ts';
import { importProbes } from './kms/imports.ts';
import { keyStoreProbes } from './kms/key-stores.ts';
import { lifeProbes } from './kms/life.ts';
import { managementProbes } from './kms/management.ts';
import { multiRegionProbes } from './kms/multi-region.ts';
import { policyProbes } from './kms/policies.ts';
import { postQuantumProbes } from './kms/post-quantum.ts';
import { rotationProbes } from './kms/rotation.ts';
import type { Probe } from './probe.ts';

/** Every probe of the KMS API. */
export const kmsProbes: readonly Probe[] = [
  ...encryptionProbes,
  ...asymmetricProbes,
  ...postQuantumProbes,
  ...lifeProbes,
  ...rotationProbes,
  ...importProbes,
  ...multiRegionProbes,
  ...managementProbes,
  ...policyProbes,
  ...keyStoreProbes,
];
