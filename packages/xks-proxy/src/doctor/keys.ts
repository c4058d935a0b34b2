import type { AesKeyRecord } from '@holdfast/pkcs11';
import type { ProxyConfig, TokenConfig } from '../config/config.ts';
import type { StoreKeyConfig } from '../config/keys.ts';
import { isMatch, selectorName } from '../devices/key-selector.ts';
import type { Report } from './findings.ts';

/** Compares the keys on a token with those that the stores expect there. */
export function examineKeys(
  { stores, tokens }: ProxyConfig,
  { name, healthKeyLabel }: TokenConfig,
  records: readonly AesKeyRecord[],
  report: Report,
): void {
  // The health keys of other tokens are known too: the tokens of a cluster have each other's keys.
  const healthKeys = new Set(tokens.map(({ healthKeyLabel }) => healthKeyLabel));
  const known = new Set(records.filter(({ label }) => healthKeys.has(label)));
  const names = new Map(
    records.map((record) => [
      record,
      new Set(record.label === healthKeyLabel ? [`label ${record.label}`] : []),
    ]),
  );
  for (const store of stores) {
    for (const key of store.keys) {
      for (const { version, selector } of key.versions) {
        const matches = records.filter((record) => isMatch(record, selector));
        for (const match of matches) known.add(match);
        if (!(key.tokens?.includes(name) ?? true)) continue;
        for (const match of matches) names.get(match)?.add(selectorName(selector));
        const subject = `key ${store.name}/${key.externalKeyId}, version ${version}, on ${name}`;
        examineKey(key, matches, subject, selectorName(selector), report);
      }
    }
  }
  for (const used of [...names.values()].filter(({ size }) => size > 1))
    report('key-named-twice', `key on ${name}`, `one key is used as ${[...used].join(' and as ')}`);
  for (const { label, id } of records.filter((record) => !known.has(record))) {
    const hex = Buffer.from(id).toString('hex');
    report(
      'key-orphaned',
      `key on ${name}`,
      `no store of this configuration knows the AES key with the label ${label} and the id ${hex}`,
    );
  }
}

function examineKey(
  { usages }: StoreKeyConfig,
  [record, ...others]: readonly AesKeyRecord[],
  subject: string,
  selector: string,
  report: Report,
): void {
  if (record === undefined) return report('key-missing', subject, `there is no AES key with the ${selector}`);
  if (others.length > 0) return report('key-ambiguous', subject, `several keys have the ${selector}`);
  const { lengthBytes, sensitive, extractable, local, otherUsages } = record;
  if (lengthBytes !== undefined && lengthBytes !== 32)
    return report('key-unsuitable', subject, `it is an AES-${lengthBytes * 8} key`);
  const missing = usages.filter((usage) => !record.usages.includes(usage));
  if (missing.length > 0)
    report('key-usages-missing', subject, `the token does not let it ${missing.join(', ')}`);
  if (sensitive === false || extractable === true)
    report(
      'key-exposed',
      subject,
      sensitive === false ? 'its value can be read' : 'its value can leave the token',
    );
  else if (local === false) report('key-imported', subject, 'it was not made on the token');
  if (otherUsages.length > 0)
    report('key-usages-excessive', subject, `it also has ${otherUsages.join(', ')}`);
  if (missing.length === 0) report('key-usable', subject, selector);
}
