// The program of a thread: it has one session with a token, and makes one call at a time.
import { parentPort } from 'node:worker_threads';
import { openModule, Pkcs11Error } from '@holdfast/pkcs11';
import { silentDeadline } from '../../deadline.ts';
import type { DeviceCallOptions, KeyDevice } from '../key-device.ts';
import { pkcs11Device } from '../pkcs11-device.ts';
import { handedOver } from './handed-over.ts';
import {
  failureOf,
  processTimeMs,
  type ThreadAnswer,
  type ThreadCall,
  type ThreadSettings,
} from './messages.ts';

let token: { readonly device: KeyDevice; close(): void } | undefined;

parentPort?.on('message', (call: ThreadCall) => {
  void answered(call);
});

async function answered(call: ThreadCall): Promise<void> {
  const answer = await perform(call).catch((error: unknown): ThreadAnswer => ({ failure: failureOf(error) }));
  parentPort?.postMessage(answer, answer.plaintext === undefined ? [] : [answer.plaintext.buffer]);
  if (call.kind === 'close') parentPort?.close();
}

async function perform(call: ThreadCall): Promise<ThreadAnswer> {
  if (call.kind === 'open') {
    token = openToken(call.settings);
    return {};
  }
  if (call.kind === 'close') {
    token?.close();
    return {};
  }
  if (token === undefined) throw new Pkcs11Error('CLOSED', 'the token is not open');
  const { device } = token;
  switch (call.kind) {
    case 'ping':
      await device.ping();
      return {};
    case 'usages':
      return { usages: await device.usages(call.selector, { fresh: call.fresh }) };
    case 'encrypt':
    case 'encryptChecked':
      try {
        return call.kind === 'encrypt'
          ? { sealed: await device.encrypt(call.input, until(call)) }
          : { checked: await device.encryptChecked(call.input, until(call)) };
      } finally {
        call.input.plaintext.fill(0);
      }
    case 'decrypt': {
      const plaintext = await device.decrypt(call.input, until(call));
      const memory = handedOver([plaintext]);
      const answer = { plaintext: memory.copy(plaintext) };
      plaintext.fill(0);
      return answer;
    }
  }
}

function until({ endsAtMs }: { readonly endsAtMs: number | undefined }): DeviceCallOptions {
  if (endsAtMs === undefined) return {};
  return { deadline: silentDeadline(endsAtMs - processTimeMs()) };
}

// The threads of a token share the module, which the thread that started them has initialised.
function openToken({ name, module, memory, selector, pin, pinGuard, iv }: ThreadSettings) {
  const opened = openModule({ path: module, memory });
  try {
    const token = opened.openToken({ ...selector, pin, pinGuard, maxSessions: 1 });
    return { device: pkcs11Device(name, token, iv), close: () => opened.close() };
  } catch (error) {
    opened.close();
    throw error;
  }
}
