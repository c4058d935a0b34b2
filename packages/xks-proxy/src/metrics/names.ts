/** Every metric of the proxy: its kind, its labels and its meaning. Prometheus sees them as `holdfast_xks_…`. */
export const METRICS = {
  requests_total: {
    kind: 'counter',
    labels: ['store', 'operation', 'outcome'],
    help: 'Requests answered, by outcome: success, or the error name of the XKS API.',
  },
  request_duration_seconds: {
    kind: 'histogram',
    labels: ['operation', 'outcome'],
    help: 'Time until the answer to a request was ready.',
  },
  token_call_duration_seconds: {
    kind: 'histogram',
    labels: ['token', 'call', 'outcome'],
    help: 'Time of one call to a token on behalf of a request, with the wait for a session; EncryptChecked is with the trial decryption.',
  },
  connections_refused_total: {
    kind: 'counter',
    labels: ['stage'],
    help: 'Connections that ended without a request: in the TLS handshake (tls), or because they spoke no HTTP (http).',
  },
  server_errors_total: {
    kind: 'counter',
    labels: [],
    help: 'Failures of the server that belong to no connection, such as a lack of descriptors.',
  },
  reloads_total: {
    kind: 'counter',
    labels: ['outcome'],
    help: 'New configurations, by outcome: success or refused.',
  },
  settings_awaiting_start: {
    kind: 'gauge',
    labels: [],
    help: 'Settings whose change was read with the configuration that is served, and comes with the next start alone.',
  },
  audit_failures_total: {
    kind: 'counter',
    labels: [],
    help: 'Outages of the audit trail, each from the first record that could not be written to the next that could.',
  },
  certificate_expiry_days: {
    kind: 'gauge',
    labels: [],
    help: 'Days until the certificate of the server expires.',
  },
  credential_age_days: {
    kind: 'gauge',
    labels: ['store', 'access_key_id'],
    help: 'Days since a credential was made; only of those whose configuration tells.',
  },
  token_status: {
    kind: 'gauge',
    labels: ['token', 'status'],
    help: '1 for the status that a token has at the moment: ACTIVE, DEGRADED or UNAVAILABLE.',
  },
  token_circuit_open: {
    kind: 'gauge',
    labels: ['token'],
    help: '1 while a token is left alone because its calls failed one after the other.',
  },
  iv_budget_used_ratio: {
    kind: 'gauge',
    labels: ['store', 'external_key_id', 'version'],
    help: 'Share of the messages that a version of a key may encrypt which it has encrypted.',
  },
  iv_budget_failing: {
    kind: 'gauge',
    labels: [],
    help: '1 while state_dir takes no counts, so that no key encrypts.',
  },
  token_sessions: {
    kind: 'gauge',
    labels: ['token', 'state'],
    help: 'Sessions with a token, or threads that have one: open, idle, or hung; and the limit.',
  },
  event_loop_delay_seconds: {
    kind: 'gauge',
    labels: ['quantile'],
    help: 'Delay of the event loop since the last scrape.',
  },
  resident_memory_bytes: { kind: 'gauge', labels: [], help: 'Resident memory of the process.' },
  cpu_seconds_total: { kind: 'counter', labels: [], help: 'Processor time of the process, user and system.' },
  start_time_seconds: {
    kind: 'gauge',
    labels: [],
    help: 'When the process was started, in seconds since 1970.',
  },
} as const satisfies Record<string, MetricRow>;

/** The name of a metric without the prefix. */
export type MetricName = keyof typeof METRICS;

/** The prefix of all names. */
export const METRIC_PREFIX = 'holdfast_xks_';

interface MetricRow {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}
