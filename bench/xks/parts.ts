import { createSecretKey, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openModule } from '@holdfast/pkcs11';
import { type Caller, encryptRequest, SMALL } from '@holdfast/testbed/load/requests';
import type { LoadSetting } from '@holdfast/testbed/load/setting';
import { type ServerProcess, startServer } from '@holdfast/testbed/server-process';
import * as z from 'zod';
import { signingKeys } from '../../packages/xks-proxy/src/sigv4/signing-keys.ts';
import { verifySignature } from '../../packages/xks-proxy/src/sigv4/verify.ts';

/** What a server of all parts is told in its environment. */
export const PARTS_SETTING = z.object({
  path: z.string(),
  caller: z.object({
    credential: z.object({ accessKeyId: z.string(), secretAccessKey: z.string() }),
    region: z.string(),
    host: z.string(),
  }),
  token: z.object({ modulePath: z.string(), label: z.string(), pin: z.string() }),
});
/** The variable with it, as JSON. */
export const PARTS_VARIABLE = 'HOLDFAST_BENCH_PARTS';

/** A server that does nothing but TLS and HTTP. */
export function startBareServer(setting: LoadSetting): Promise<ServerProcess> {
  return startProgram(setting, {});
}

/** A server that also makes the other parts, in the same process, and nothing else. */
export function startPartsServer(setting: LoadSetting): Promise<ServerProcess> {
  const { caller, token } = setting;
  const parts: z.infer<typeof PARTS_SETTING> = { path: setting.encryptPath(), caller, token };
  return startProgram(setting, { ...token.environment, [PARTS_VARIABLE]: JSON.stringify(parts) });
}

function startProgram(
  { directory }: LoadSetting,
  environment: Readonly<Record<string, string>>,
): Promise<ServerProcess> {
  const program = fileURLToPath(new URL('bare-server.ts', import.meta.url));
  const files = ['proxy.pem', 'proxy.key'].map((name) => join(directory, name));
  return startServer('bare server', ['--import=tsx', program, ...files], environment);
}

/** Verifies the signature of one request, again and again. */
export function signatureVerification(path: string, caller: Caller): () => void {
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
export function tokenCalls(token: z.infer<typeof PARTS_SETTING>['token']): {
  readonly call: () => Promise<void>;
  close(): void;
} {
  const module = openModule({ path: token.modulePath });
  const opened = module.openToken({ label: token.label, pin: token.pin });
  const key = opened.aesKey({ label: 'key-0' });
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
