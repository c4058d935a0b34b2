import { X509Certificate } from 'node:crypto';
import type { Gauge } from 'prom-client';
import type { HealthStatus } from '../devices/health.ts';
import type { Serving } from '../serving.ts';
import type { MetricName } from './names.ts';

/** Gauges of what one configuration serves. The returned function sets them, and forgets what is no longer there. */
export function servingGauges(gauge: (name: MetricName) => Gauge): (serving: Serving) => Promise<void> {
  const certificate = gauge('certificate_expiry_days');
  const credentials = gauge('credential_age_days');
  const tokens = gauge('token_status');
  return async ({ config, fleet }) => {
    const statuses = await Promise.all(
      fleet.members.map(async ({ token, health }) => ({
        token: token.config.name,
        healthStatus: await health.status(),
      })),
    );
    const expiresAtMs = Date.parse(new X509Certificate(config.server.tls.certificate).validTo);
    certificate.set(days(expiresAtMs - Date.now()));
    credentials.reset();
    for (const store of config.stores) {
      for (const { accessKeyId, createdAt } of store.credentials) {
        if (createdAt === undefined) continue;
        const labels = { store: store.name, access_key_id: accessKeyId };
        credentials.set(labels, days(Date.now() - createdAt.getTime()));
      }
    }
    tokens.reset();
    for (const { token, healthStatus } of statuses) {
      for (const status of STATUSES) tokens.set({ token, status }, Number(status === healthStatus));
    }
  };
}

const days = (milliseconds: number) => milliseconds / 86_400_000;

const STATUSES = ['ACTIVE', 'DEGRADED', 'UNAVAILABLE'] as const satisfies readonly HealthStatus[];
