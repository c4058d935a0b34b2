import { createSecretKey, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openModule } from '@holdfast/pkcs11';
import { type ServerProcess, startServer } from '../../examples/chain/server-process.ts';
import { signingKeys } from '../../packages/xks-proxy/src/sigv4/signing-keys.ts';
import { verifySignature } from '../../packages/xks-proxy/src/sigv4/verify.ts';
import type { LoadSetting } from './proxy.ts';
import { encryptRequest, SMALL } from './requests.ts';

/** A server that does nothing but TLS and HTTP. */
export function startBareServer({ directory }: LoadSetting): Promise<ServerProcess> {
  const program = fileURLToPath(new URL('bare-server.ts', import.meta.url));
  const files = ['proxy.pem', 'proxy.key'].map((name) => join(directory, name));
  return startServer('bare server', ['--import=tsx', program, ...files]);
}

/** Verifies the signature of one request, again and again. */
export function signatureVerification(setting: LoadSetting): () => void {
  const { caller } = setting;
  const path = setting.encryptPath();
  const request = Buffer.from(encryptRequest(path, SMALL, caller));
  const bodyAt = request.indexOf('\r\n\r\n') + 4;
  const [, ...lines] = request.toString('latin1', 0, bodyAt - 4).split('\r\n');
  const rawHeaders = lines.flatMap((line) => line.split(': '));
  const body = request.subarray(bodyAt);
  const { accessKeyId, secretAccessKey } = caller.credential;
  const credentials = new Map([[accessKeyId, signingKeys(createSecretKey(secretAccessKey, 'utf8'))]]);
  const regions = new Set([caller.region]);
  return () => {
    verifySignature({ method: 'POST', path, rawHeaders }, { credentials, regions, nowMs: Date.now() })(body);
  };
}

/** The two calls of the token that an encryption with an integrity value needs, in this process. */
export function tokenCalls({ token }: LoadSetting): { readonly call: () => Promise<void>; close(): void } {
  const module = openModule({ path: token.modulePath });
  const opened = module.openToken({ label: token.label, pin: token.pin });
  const key = opened.key({ label: 'key-0' });
  const [plaintext, aad] = [randomBytes(SMALL.plaintextBytes), randomBytes(SMALL.aadBytes + 6)];
  return {
    async call() {
      const iv = randomBytes(12);
      const sealed = await key.encrypt({ iv, aad, plaintext });
      await key.decrypt({ iv, aad, ...sealed });
    },
    close() {
      opened.close();
      module.close();
    },
  };
}
