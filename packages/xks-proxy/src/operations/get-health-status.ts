import type { Operation } from './operation.ts';

/** State of the proxy and its key manager (XKS API v1, "GetHealthStatus"); it names no key. */
export const getHealthStatus: Operation = {
  name: 'GetHealthStatus',
  requiredMetadata: ['kmsOperation', 'kmsRequestId'],

  async run(_body, { device, health }) {
    return {
      xksProxyFleetSize: health.fleetSize,
      xksProxyVendor: health.proxyVendor,
      xksProxyModel: health.proxyModel,
      ekmVendor: health.ekmVendor,
      ekmFleetDetails: [{ id: device.id, model: health.ekmModel, healthStatus: await health.status() }],
    };
  },
};
