import type { Check } from './check.ts';
import { authenticationChecks } from './checks/authentication.ts';
import { clientCertificateChecks } from './checks/client-certificates.ts';
import { decryptChecks } from './checks/decrypt.ts';
import { encryptChecks } from './checks/encrypt.ts';
import { getHealthStatusChecks } from './checks/get-health-status.ts';
import { getKeyMetadataChecks } from './checks/get-key-metadata.ts';
import { integrityValueChecks } from './checks/integrity-value.ts';
import { requestMetadataChecks } from './checks/request-metadata.ts';
import { transportChecks } from './checks/transport.ts';
import { uriPathChecks } from './checks/uri-paths.ts';

/** All requirements of the XKS proxy API that can be checked from outside. */
export const conformanceChecks: readonly Check[] = [
  ...transportChecks,
  ...clientCertificateChecks,
  ...uriPathChecks,
  ...authenticationChecks,
  ...requestMetadataChecks,
  ...getKeyMetadataChecks,
  ...encryptChecks,
  ...integrityValueChecks,
  ...decryptChecks,
  ...getHealthStatusChecks,
];
