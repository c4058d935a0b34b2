import { z } from 'zod';

/** The settings of the Rust sample proxy that are migrated; all others in the file are looked up by their place. */
export const referenceSettings = z.object({
  server: z.object({
    ip: z.string().default('127.0.0.1'),
    port: z.int(),
    region: z.string(),
  }),
  security: z
    .object({
      is_tls_enabled: z.boolean().default(false),
      is_mtls_enabled: z.boolean().default(false),
      secondary_auth: z.string().optional(),
    })
    .default({ is_tls_enabled: false, is_mtls_enabled: false }),
  tls: z
    .object({
      tls_cert_pem: z.string(),
      tls_key_pem: z.string(),
      mtls_client_ca_pem: z.string().optional(),
    })
    .optional(),
  external_key_stores: z
    .array(
      z.object({
        uri_path_prefix: z.string(),
        sigv4_access_key_id: z.string(),
        sigv4_secret_access_key: z.string(),
        xks_key_id_set: z.array(z.string()),
      }),
    )
    .min(1),
  pkcs11: z.object({
    session_pool_max_size: z.int().optional(),
    user_pin: z.string(),
    PKCS11_HSM_MODULE: z.string(),
  }),
  pkcs11_logger: z.object({ PKCS11_LOGGER_LIBRARY_PATH: z.string() }).optional(),
  hsm_capabilities: z
    .object({ can_generate_iv: z.boolean(), is_zero_iv_required: z.boolean() })
    .default({ can_generate_iv: false, is_zero_iv_required: false }),
});

/** These settings, parsed. */
export type ReferenceSettings = z.infer<typeof referenceSettings>;

/**
 * Settings without a counterpart, and what takes their place. A name alone stands for all settings below it. The settings
 * of `referenceSettings` are not among them.
 */
export const WITHOUT_COUNTERPART = {
  'server.port_http_ping':
    '/ping answers on the port of the proxy; [admin] has /livez and /readyz on a port of their own',
  'server.service': 'it is kms-xks-proxy, as AWS KMS signs',
  'server.ciphertext_metadata_b64':
    'new ciphertext has metadata of its own; ciphertext with the old one opens for keys with accept_reference_ciphertext',
  'server.tcp_keepalive': 'connections are kept for 75 seconds without a request',
  tracing: 'the log is one line of JSON an event on stdout; the service manager keeps it',
  'security.is_sigv4_auth_enabled': 'every request is verified, always',
  'security.oso': 'rules stand in [stores.policy], or in a file for Cedar: translate the statements of Polar',
  'tls.mtls_client_dns_name':
    'the common name is compared, which AWS KMS presents as cks.kms.REGION.amazonaws.com',
  'pkcs11.session_pool_timeout_milli': 'requests wait for a session as long as their deadline lets them',
  'pkcs11.session_eager_close': 'a session is closed when anything failed on it',
  'pkcs11.context_read_timeout_milli': 'the deadline of a request covers all it waits for: server.timeout_ms',
  limits: 'the limits are those of the XKS API: 4300 bytes of plaintext, 8192 of additional data',
} as const satisfies Record<string, string>;
