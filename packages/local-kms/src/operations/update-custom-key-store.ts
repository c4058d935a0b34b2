import { z } from 'zod';
import {
  assertPublic,
  xksProxy,
  xksProxyAuthenticationCredential,
  xksProxyConnectivity,
  xksProxyUriEndpoint,
  xksProxyUriPath,
} from '../key-stores/xks-proxy-settings.ts';
import { KmsException } from '../kms-exception.ts';
import { customKeyStoreId, customKeyStoreName } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';
import { resultOf } from '../xks/result.ts';

/**
 * Changes settings of an external key store. Name, path and credential may change while it is connected, the
 * endpoint only while it is disconnected; new proxy settings have to pass a health check.
 */
export const updateCustomKeyStore = operation({
  onAccount: true,
  input: z.object({
    CustomKeyStoreId: customKeyStoreId,
    NewCustomKeyStoreName: customKeyStoreName.optional(),
    ...xksProxyConnectivity,
    XksProxyUriEndpoint: xksProxyUriEndpoint.optional(),
    XksProxyUriPath: xksProxyUriPath.optional(),
    XksProxyAuthenticationCredential: xksProxyAuthenticationCredential.optional(),
  }),
  unsupported: ['CloudHsmClusterId', 'KeyStorePassword'],
  async run({ CustomKeyStoreId, NewCustomKeyStoreName, ...changes }, { customKeyStores, xks, xksCaller }) {
    const store = customKeyStores.withId(CustomKeyStoreId);
    const { XksProxyConnectivity, XksProxyUriEndpoint, XksProxyUriPath } = changes;
    const proxyChanges = Object.values(changes).some((value) => value !== undefined);
    if (!proxyChanges && NewCustomKeyStoreName === undefined) {
      throw new KmsException('ValidationException', 'The request changes nothing.');
    }
    const moves = XksProxyUriEndpoint !== undefined || XksProxyConnectivity !== undefined;
    const { state } = store.connection;
    if (state !== 'DISCONNECTED' && (moves || state !== 'CONNECTED')) {
      throw new KmsException('CustomKeyStoreInvalidStateException', 'Disconnect the custom key store first.');
    }
    assertPublic(changes);
    const proxy = xksProxy(
      XksProxyUriEndpoint ?? store.proxy.host,
      XksProxyUriPath ?? store.proxy.path,
      changes.XksProxyAuthenticationCredential ?? store.proxy.credential,
      store.proxy,
    );
    const settings = { name: NewCustomKeyStoreName ?? store.name, proxy };
    customKeyStores.assertFree(settings, store.id);
    if (proxyChanges) resultOf(await xks.checkHealth(proxy, xksCaller), 'keyStore');
    if (customKeyStores.withId(store.id) !== store) {
      throw new KmsException(
        'CustomKeyStoreInvalidStateException',
        'The custom key store has changed meanwhile.',
      );
    }
    customKeyStores.update(store.id, settings);
    return {};
  },
});
