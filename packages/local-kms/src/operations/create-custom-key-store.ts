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
import { customKeyStoreName } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';
import { resultOf } from '../xks/result.ts';

/** Adds an external key store, disconnected, once its proxy has answered a health check. */
export const createCustomKeyStore = operation({
  onAccount: true,
  input: z.object({
    CustomKeyStoreName: customKeyStoreName,
    CustomKeyStoreType: z.enum(['AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE']).default('AWS_CLOUDHSM'),
    CloudHsmClusterId: z.string().optional(),
    TrustAnchorCertificate: z.string().optional(),
    KeyStorePassword: z.string().optional(),
    ...xksProxyConnectivity,
    XksProxyUriEndpoint: xksProxyUriEndpoint.optional(),
    XksProxyUriPath: xksProxyUriPath.optional(),
    XksProxyAuthenticationCredential: xksProxyAuthenticationCredential.optional(),
  }),
  async run(input, { customKeyStores, xks, xksCaller }) {
    if (input.CustomKeyStoreType === 'AWS_CLOUDHSM') {
      throw new KmsException('CloudHsmClusterNotFoundException', 'There are no AWS CloudHSM clusters here.');
    }
    const ofCluster = [input.CloudHsmClusterId, input.TrustAnchorCertificate, input.KeyStorePassword];
    if (ofCluster.some((member) => member !== undefined)) {
      throw new KmsException(
        'ValidationException',
        'CloudHsmClusterId, TrustAnchorCertificate and KeyStorePassword are of key stores in AWS CloudHSM.',
      );
    }
    const { XksProxyConnectivity, XksProxyUriEndpoint, XksProxyUriPath } = input;
    const credential = input.XksProxyAuthenticationCredential;
    if (!XksProxyConnectivity || !XksProxyUriEndpoint || !XksProxyUriPath || !credential) {
      throw new KmsException(
        'ValidationException',
        'An external key store requires XksProxyConnectivity, XksProxyUriEndpoint, XksProxyUriPath and ' +
          'XksProxyAuthenticationCredential.',
      );
    }
    assertPublic(input);
    const proxy = xksProxy(XksProxyUriEndpoint, XksProxyUriPath, credential);
    const settings = { name: input.CustomKeyStoreName, proxy };
    customKeyStores.assertFree(settings);
    resultOf(await xks.checkHealth(proxy, xksCaller), 'keyStore');
    return { CustomKeyStoreId: customKeyStores.create(settings).id };
  },
});
