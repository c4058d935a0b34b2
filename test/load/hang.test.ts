import { findModule } from '@holdfast/pkcs11/testing';
import { closedLoop, openLoop, percentile } from '@holdfast/testbed/load/loops';
import { requestPool, SMALL } from '@holdfast/testbed/load/requests';
import { loadSetting } from '@holdfast/testbed/load/setting';
import { createCredential } from '@holdfast/testbed/proxy-files';
import { createShim, hasCompiler } from '@holdfast/testbed/shim';
import { expect, onTestFinished, test } from 'vitest';
import { record } from './record.ts';
import { CONNECTIONS, IS_LONG, LOAD_MS } from './scale.ts';

test.skipIf(findModule() === undefined || !hasCompiler())(
  'a store keeps its pace while the token of another one hangs',
  { timeout: 120_000 },
  async () => {
    const setting = await loadSetting();
    onTestFinished(() => setting.dispose());
    const shim = createShim(setting.token.modulePath);
    onTestFinished(() => shim.dispose());
    const { caller } = setting;
    // Another credential with the same secret, which saves a file.
    const { accessKeyId } = createCredential();
    setting.writeConfig((toml) => withHangingStore(toml, { modulePath: shim.modulePath, accessKeyId }));
    const proxy = await setting.start();
    onTestFinished(async () => void (await proxy.stop()));
    const path = setting.encryptPath();
    const well = requestPool([path], SMALL, caller);
    const hanging = requestPool([path.replace(/^\/[^/]+/, '/hanging')], SMALL, {
      ...caller,
      credential: { ...caller.credential, accessKeyId },
    });
    const atPace = () =>
      openLoop(proxy.endpoint, well, {
        connections: CONNECTIONS,
        durationMs: LOAD_MS,
        perSecond: PER_SECOND,
      });
    await atPace();
    const calm = await atPace();
    const besideNeighbour = () =>
      Promise.all([atPace(), closedLoop(proxy.endpoint, hanging, { connections: 4, durationMs: LOAD_MS })]);
    const [besideWell] = await besideNeighbour();
    shim.fail('C_EncryptInit', 'hang', -1);
    const [meanwhile, refused] = await besideNeighbour();
    shim.heal();
    const figures = {
      perSecond: PER_SECOND,
      calmP99Ms: percentile(calm, 0.99),
      // The neighbour asks as fast as it is answered, which costs processor time whether its token hangs or not.
      besideWellP99Ms: percentile(besideWell, 0.99),
      meanwhileP99Ms: percentile(meanwhile, 0.99),
      hangingOutcomes: Object.fromEntries(refused.outcomes),
      hangingLongestMs: percentile(refused, 1),
    };
    record('hang', figures);
    expect([...calm.outcomes.keys(), ...meanwhile.outcomes.keys()]).toEqual([200, 200]);
    expect([...refused.outcomes.keys()].filter((outcome) => ![429, 503].includes(Number(outcome)))).toEqual(
      [],
    );
    // Speed is judged where nothing else runs.
    if (!IS_LONG) return;
    expect(figures.meanwhileP99Ms).toBeLessThan(2 * figures.calmP99Ms + 5);
    expect(figures.hangingLongestMs).toBeLessThan(250);
  },
);

/** A second store beside the first, each with a token of its own: the same one, once through another module. */
function withHangingStore(
  toml: string,
  { modulePath, accessKeyId }: { readonly modulePath: string; readonly accessKeyId: string },
): string {
  const [, token = ''] = /(\[\[tokens\]\]\n[^[]*)/.exec(toml) ?? [];
  const [before = '', store = ''] = toml.split('[[stores]]');
  const on = (name: string) => store.replaceAll('[[stores.keys]]', `[[stores.keys]]\ntokens = ["${name}"]`);
  const hanging = token.replace(/module = .*/, `module = ${JSON.stringify(modulePath)}`);
  return [
    before.replace(token, `${token.trimEnd()}\nname = "well"\n\n${hanging.trimEnd()}\n${HANGING_TOKEN}`),
    on('well'),
    on('hanging')
      .replace(/name = .*\npath_prefix = .*/, 'name = "hanging"\npath_prefix = "/hanging"')
      .replace(/access_key_id = .*/, `access_key_id = "${accessKeyId}"`),
  ].join('[[stores]]');
}

const HANGING_TOKEN = 'name = "hanging"\ncalls = "worker"\nmax_sessions = 4\n\n';
const PER_SECOND = IS_LONG ? 600 : 100;
