import { createSecretKey } from 'node:crypto';
import { Pkcs11Error } from '@holdfast/pkcs11';
import { describe, expect, it } from 'vitest';
import { openIvBudget } from '../../src/budget/iv-budget.ts';
import { tokenException } from '../../src/devices/failures.ts';
import { keyProof } from '../../src/devices/key-proof.ts';
import type { OpenToken } from '../../src/devices/open-token.ts';
import { memoryDevice } from '../fixtures/memory-device.ts';

const OUT = tokenException(new Pkcs11Error('TOKEN_UNAVAILABLE', 'x'));
const WRONG = tokenException(new Pkcs11Error('DECRYPTION_FAILED', 'x'));
const LEFT_OUT = { errorName: 'InternalException', cause: { code: 'TOKEN_UNAVAILABLE' } };

/** A token in memory, whose keys are those of the device. */
function memoryToken(name: string, { device, behaviour } = memoryDevice(), limit = 100) {
  const budget = openIvBudget({ limit, stateDirectory: undefined, atLimit: 'refuse' }, () => undefined);
  let connections = 1;
  const token: OpenToken = {
    config: {
      name,
      module: '',
      selector: { label: name },
      pin: createSecretKey('1234', 'utf8'),
      calls: 'inline',
      iv: 'supplied',
      maxSessions: 1,
      healthKeyLabel: undefined,
      cluster: undefined,
    },
    device: budget.over(device),
    info: { serial: name, model: 'memory', manufacturer: 'memory' },
    status: () => 'ACTIVE',
    connections: () => connections,
    isOut: () => false,
    sessions: () => ({ limit: 1, open: 1, idle: 1, hung: 0 }),
    isStuck: () => false,
    hold: () => undefined,
    adopt: () => undefined,
    release: async () => undefined,
  };
  const reopen = () => {
    connections += 1;
  };
  return { token, behaviour, reopen };
}

function proofWithFailures() {
  const failures: unknown[] = [];
  const proof = keyProof({ label: 'orders' }, (cause) => void failures.push(cause));
  return { proof, failures };
}

describe('the proof of a key', () => {
  it('is begun by the first token that serves, and asked of each once for each of its connections', async () => {
    const shared = memoryDevice();
    const [first, second] = [memoryToken('first', shared), memoryToken('second', shared)];
    const { proof, failures } = proofWithFailures();
    for (let round = 0; round < 3; round += 1) {
      await proof.ask(first.token);
      await proof.ask(second.token);
    }
    expect(proof.sealer).toBe(first.token);
    expect(shared.behaviour.encryptions).toBe(1);

    shared.behaviour.rejectDecryption = WRONG;
    await proof.ask(second.token);
    second.reopen();
    for (let round = 0; round < 3; round += 1)
      await expect(proof.ask(second.token)).rejects.toMatchObject(LEFT_OUT);
    expect(failures).toMatchObject([
      { errorName: 'InvalidCiphertextException', reason: 'second is left out' },
    ]);

    shared.behaviour.rejectDecryption = undefined;
    await expect(proof.ask(second.token)).rejects.toMatchObject(LEFT_OUT);
    proof.forgive(second.token);
    await proof.ask(second.token);
  });

  it('says nothing of a token that is out, and waits for one that can seal', async () => {
    const [first, second] = [memoryToken('first'), memoryToken('second')];
    const { proof, failures } = proofWithFailures();
    first.behaviour.failure = OUT;
    await expect(proof.ask(first.token)).rejects.toBe(OUT);
    second.behaviour.rejectDecryption = WRONG;
    await proof.ask(second.token);
    expect(proof.sealer).toBeUndefined();
    second.behaviour.rejectDecryption = undefined;
    await proof.ask(second.token);
    expect(proof.sealer).toBe(second.token);
    expect(failures).toEqual([]);
  });

  it('is not wanted of a key that has encrypted all it may', async () => {
    const { token, behaviour } = memoryToken('spent', memoryDevice(), 1);
    await (await token.device.key({ label: 'orders' })).encrypt({
      aad: new Uint8Array(),
      plaintext: new Uint8Array(),
    });
    const { proof, failures } = proofWithFailures();
    for (let round = 0; round < 3; round += 1) await proof.ask(token);
    expect(behaviour.encryptions).toBe(1);
    expect([proof.sealer, failures]).toEqual([undefined, []]);
  });
});
