import { createSecretKey, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  EncryptionAlgorithmSpec,
  GenerateMacCommand,
  GetPublicKeyCommand,
  ImportKeyMaterialCommand,
  RotateKeyOnDemandCommand,
  TagResourceCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { KEY_SPECS, type KeySpec, keySpecRow } from '../../src/keys/key-specs.ts';
import type { KmsKey } from '../../src/keys/kms-key.ts';
import { materialBytes } from '../../src/keys/material/material-bytes.ts';
import { keyKind } from '../../src/state/kinds/key.ts';
import { sealed, unsealed } from '../../src/state/sealing.ts';
import { importInput } from '../fixtures/imports.ts';
import { present } from '../fixtures/kms.ts';
import { PASSPHRASE, runKms, stateIn, temporaryFolder } from '../fixtures/state.ts';

const specs = Object.keys(KEY_SPECS).filter((spec): spec is KeySpec => spec in KEY_SPECS);

describe('the material of a key', () => {
  test.each(specs)('of %s comes back as it was', async (spec) => {
    const material = await keySpecRow(spec).generate();
    const now = new Date();
    const key: KmsKey = {
      id: 'a',
      arn: 'arn',
      region: 'eu-north-1',
      spec,
      usage: 'SIGN_VERIFY',
      origin: 'EXTERNAL',
      createdAt: now,
      description: '',
      enabled: true,
      versions: [
        { id: '1', material: undefined, state: 'NON_CURRENT', description: 'gone', expiresAt: undefined },
        { id: '2', material, state: 'CURRENT', rotation: { at: now, type: 'ON_DEMAND' }, expiresAt: now },
      ],
      external: undefined,
      primaryRegion: undefined,
      rotation: { periodDays: 365, nextAt: now },
      deletion: { windowDays: 7, at: undefined },
      policy: '{}',
      tags: new Map([['__proto__', 'a']]),
    };
    const bytes = materialBytes(material);
    const sealingKey = createSecretKey(randomBytes(32));
    const body = sealed(sealingKey, { name: 'key/eu-north-1/a', stored: keyKind.toStored(key) }, 1);
    expect(Buffer.from(body).includes(bytes.subarray(0, 16))).toBe(false);
    const { stored } = unsealed(sealingKey, { name: 'key/eu-north-1/a', version: 1, body });
    const read = keyKind.fromStored(stored);
    const [gone, current] = read.versions;
    expect(materialBytes(present(current?.material))).toEqual(bytes);
    expect({ ...read, versions: [gone, { ...current, material }] }).toStrictEqual(key);
  });

  test('is used after a restart as before, and is nowhere in the folder', async () => {
    const folder = temporaryFolder();
    const materials = {
      symmetric: randomBytes(32),
      hmac: randomBytes(48),
      rsa: materialBytes(await keySpecRow('RSA_2048').generate()),
      imported: randomBytes(32),
    };
    const keys = [
      { aliases: ['alias/symmetric'], material: materials.symmetric.toString('base64') },
      {
        aliases: ['alias/hmac'],
        spec: 'HMAC_384',
        usage: 'GENERATE_VERIFY_MAC',
        material: materials.hmac.toString('base64'),
      },
      { aliases: ['alias/rsa'], spec: 'RSA_2048', material: materials.rsa.toString('base64') },
    ];
    const first = await runKms({ state: stateIn(folder), seed: { keys } });
    const { CiphertextBlob } = await first.client.send(
      new EncryptCommand({ KeyId: 'alias/symmetric', Plaintext: Buffer.from('kept') }),
    );
    const mac = new GenerateMacCommand({
      KeyId: 'alias/hmac',
      Message: Buffer.from('a'),
      MacAlgorithm: 'HMAC_SHA_384',
    });
    const { Mac } = await first.client.send(mac);
    const publicKey = new GetPublicKeyCommand({ KeyId: 'alias/rsa' });
    const { PublicKey } = await first.client.send(publicKey);
    const { KeyMetadata } = await first.client.send(new DescribeKeyCommand({ KeyId: 'alias/symmetric' }));
    await first.client.send(new RotateKeyOnDemandCommand({ KeyId: KeyMetadata?.KeyId }));
    const { KeyMetadata: external } = await first.client.send(new CreateKeyCommand({ Origin: 'EXTERNAL' }));
    const KeyId = present(external?.KeyId);
    const importing = await importInput(first, KeyId, materials.imported);
    await first.client.send(new TagResourceCommand({ KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] }));
    await first.stop();

    const second = await runKms({ state: stateIn(folder) });
    const opened = await second.client.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(present(opened.Plaintext)).toString()).toBe('kept');
    expect((await second.client.send(mac)).Mac).toEqual(Mac);
    expect((await second.client.send(publicKey)).PublicKey).toEqual(PublicKey);
    const oaep = {
      KeyId: 'alias/rsa',
      EncryptionAlgorithm: EncryptionAlgorithmSpec.RSAES_OAEP_SHA_256,
    };
    const sent = await second.client.send(new EncryptCommand({ ...oaep, Plaintext: Buffer.from('x') }));
    await second.client.send(new DecryptCommand({ ...oaep, CiphertextBlob: sent.CiphertextBlob }));
    // The token of the first process is good for the second.
    await second.client.send(new ImportKeyMaterialCommand(importing));
    await second.stop();

    const written = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
    for (const secret of [...Object.values(materials), PASSPHRASE]) {
      for (const form of formsOf(secret)) expect(written.some((bytes) => bytes.includes(form))).toBe(false);
    }
  });
});

/** Raw, hexadecimal, and base64 of each alignment, of a part from the middle that only this secret has. */
function formsOf(secret: Buffer): readonly (Buffer | string)[] {
  const middle = secret.subarray(-24);
  const aligned = [0, 1, 2].map((skip) => middle.subarray(skip, skip + 21).toString('base64'));
  return [middle, middle.toString('hex'), middle.toString('hex').toUpperCase(), ...aligned];
}
