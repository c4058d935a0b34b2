// The program of a thread: it opens a token with one session, and makes the calls that it is told to.
import { parentPort } from 'node:worker_threads';
import {
  type EncryptInput,
  type EncryptOutput,
  type OpenModuleOptions,
  type OpenTokenOptions,
  openModule,
  Pkcs11Error,
  type Token,
} from '../src/index.ts';

/** A call: the first one opens the token, and the last one closes it. */
export type ThreadCall =
  | { readonly open: OpenModuleOptions & OpenTokenOptions }
  | { readonly random: number }
  | { readonly encrypt: EncryptInput; readonly label: string }
  | { readonly close: true };

/** The outcome of a call: the code of its error, or the result of an encryption. */
export interface ThreadAnswer {
  readonly code?: string;
  readonly output?: EncryptOutput;
}

let token: Token | undefined;

parentPort?.on('message', (call: ThreadCall) => {
  void perform(call)
    .catch((error: unknown) => ({ code: error instanceof Pkcs11Error ? error.code : String(error) }))
    .then((answer) => parentPort?.postMessage(answer, []));
});

async function perform(call: ThreadCall): Promise<ThreadAnswer> {
  if ('open' in call) token = openModule(call.open).openToken({ ...call.open, maxSessions: 1 });
  if ('random' in call) await token?.randomBytes(call.random);
  if ('close' in call) token?.close();
  if (!('encrypt' in call) || token === undefined) return {};
  return { output: await token.aesKey({ label: call.label }).encrypt(call.encrypt) };
}
