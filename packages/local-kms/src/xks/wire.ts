import { z } from 'zod';
import { base64 } from '../protocol/base64.ts';

/** What an external key store makes of a plaintext. */
export interface XksCiphertext {
  readonly ciphertext: Uint8Array;
  readonly iv: Uint8Array;
  readonly tag: Uint8Array;
  readonly metadata?: Uint8Array;
}

/** The answer to GetHealthStatus. */
export const healthStatusResponse = z.object({
  xksProxyFleetSize: z.int().positive(),
  xksProxyVendor: z.string(),
  xksProxyModel: z.string(),
  ekmVendor: z.string(),
  ekmFleetDetails: z
    .array(
      z.object({
        id: z.string(),
        model: z.string(),
        healthStatus: z.enum(['ACTIVE', 'DEGRADED', 'UNAVAILABLE']),
      }),
    )
    .min(1)
    .max(10),
});

/** The answer to GetKeyMetadata. */
export const keyMetadataResponse = z.object({
  keySpec: z.string(),
  keyUsage: z.array(z.string()).max(10),
  keyStatus: z.enum(['ENABLED', 'DISABLED']),
});

/** The answer to Encrypt, which is always asked for a ciphertext data integrity value (CDIV). */
export const encryptResponse = z.object({
  ciphertext: base64(1, 6144),
  initializationVector: base64(12, 16).refine((iv) => iv.length === 12 || iv.length === 16),
  authenticationTag: base64(16, 16),
  ciphertextMetadata: base64(0, 20).optional(),
  ciphertextDataIntegrityValue: base64(32, 32),
});

/** The answer to Decrypt. */
export const decryptResponse = z.object({ plaintext: base64(1, 6144) });

/** The body of every answer but 200; `errorMessage` is for the proxy's operator and not read. */
export const errorResponse = z.object({ errorName: z.string() });
