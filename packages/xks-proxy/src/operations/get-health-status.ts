import type { Operation } from './operation.ts';

/** State of the proxy and its key managers (XKS API v1, "GetHealthStatus"); it names no key. */
export const getHealthStatus: Operation = {
  name: 'GetHealthStatus',
  requiredMetadata: ['kmsOperation', 'kmsRequestId'],
  concernsKey: false,

  async run(_body, { fleet }) {
    const { fleetSize, proxyVendor, proxyModel, ekmVendor } = fleet.description;
    return {
      xksProxyFleetSize: fleetSize,
      xksProxyVendor: proxyVendor,
      xksProxyModel: proxyModel,
      ekmVendor,
      ekmFleetDetails: await Promise.all(
        fleet.members.map(async ({ id, model, health }) => ({
          id,
          model,
          healthStatus: await health.status(),
        })),
      ),
    };
  },
};
