import assert from 'node:assert/strict';
import { assertSuccess, assertText, isObject } from '../assertions.ts';
import { type Check, checks } from '../check.ts';

/** GetHealthStatus. */
export const getHealthStatusChecks: readonly Check[] = checks('GetHealthStatus', {
  'tells size, vendor and model of proxy and key managers': async ({ getHealthStatus }) => {
    const body = assertSuccess(await getHealthStatus());
    const { xksProxyFleetSize, ekmFleetDetails } = body;
    assert.ok(Number.isInteger(xksProxyFleetSize) && Number(xksProxyFleetSize) > 0, 'xksProxyFleetSize');
    for (const field of ['xksProxyVendor', 'xksProxyModel', 'ekmVendor']) assertText(body, field);
    assert.ok(Array.isArray(ekmFleetDetails), 'ekmFleetDetails is no list');
    assert.ok(
      ekmFleetDetails.length >= 1 && ekmFleetDetails.length <= 10,
      'ekmFleetDetails has 1 to 10 entries',
    );
    for (const details of ekmFleetDetails) {
      assert.ok(isObject(details), 'ekmFleetDetails holds something that is no object');
      assertText(details, 'id');
      assertText(details, 'model');
      assert.match(assertText(details, 'healthStatus'), /^(?:ACTIVE|DEGRADED|UNAVAILABLE)$/);
    }
  },
  'is active while the key manager serves': async ({ target, getHealthStatus, encrypt }) => {
    assertSuccess(await encrypt(target.keys.enabled));
    const { ekmFleetDetails } = assertSuccess(await getHealthStatus());
    assert.ok(Array.isArray(ekmFleetDetails));
    const serving = ekmFleetDetails.filter(
      (details) => isObject(details) && ['ACTIVE', 'DEGRADED'].includes(assertText(details, 'healthStatus')),
    );
    assert.notEqual(serving.length, 0, 'no key manager serves');
  },
});
