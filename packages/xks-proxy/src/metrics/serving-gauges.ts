import { X509Certificate } from 'node:crypto';
import type { Gauge } from 'prom-client';
import type { HealthStatus } from '../devices/health.ts';
import type { Serving } from '../serving.ts';
import type { MetricName } from './names.ts';

/** Gauges of what one configuration serves. The returned function sets them, and drops those that no longer apply. */
export function servingGauges(gauge: (name: MetricName) => Gauge): (serving: Serving) => Promise<void> {
  const certificate = gauge('certificate_expiry_days');
  const credentials = gauge('credential_age_days');
  const tokens = gauge('token_status');
  const circuits = gauge('token_circuit_open');
  const budgets = gauge('iv_budget_used_ratio');
  const budgetFailing = gauge('iv_budget_failing');
  const sessions = gauge('token_sessions');
  return async ({ config, fleet, budget }) => {
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
    circuits.reset();
    for (const { token } of fleet.members) {
      circuits.set({ token: token.config.name }, Number(token.status() === 'UNAVAILABLE'));
    }
    budgets.reset();
    for (const store of config.stores) {
      for (const { externalKeyId, versions } of store.keys) {
        for (const { version, selector } of versions) {
          const labels = { store: store.name, external_key_id: externalKeyId, version };
          budgets.set(labels, budget.used(selector) / budget.limit);
        }
      }
    }
    budgetFailing.set(Number(budget.isFailing()));
    sessions.reset();
    for (const { token } of fleet.members) {
      for (const [state, count] of Object.entries(token.sessions())) {
        sessions.set({ token: token.config.name, state }, count);
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
