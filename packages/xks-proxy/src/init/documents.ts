import { join } from 'node:path';
import { stringify } from 'smol-toml';
import { refuseOutsideDates } from '../config/certificate-dates.ts';
import { parseConfig } from '../config/config.ts';
import type { StoreKeyConfig } from '../config/keys.ts';
import { keysDocument } from '../config/keys-document.ts';
import { credentialRow, credentialsDocument, newCredential } from '../credentials/edit-credentials.ts';
import { HEALTH_KEY_LABEL, type InitChoices } from './choices.ts';
import { knownModule } from './known-modules.ts';
import type { CertificateFiles } from './self-signed.ts';
import { type KeptFiles, storeFiles } from './store-files.ts';

/** The files of a new proxy, except those of the PINs. */
export interface Documents {
  /** Access key id of the newest credential. */
  readonly accessKeyId: string;
  /**
   * Texts by name in the folder, without the files that are kept. The file of keys is empty; the configuration, which names
   * all others, comes last.
   */
  readonly texts: ReadonlyMap<string, string>;
}

/** Names of the files that do not depend on the store. */
export const FILES = {
  config: 'config.toml',
  pin: 'pin',
  soPin: 'so-pin',
  certificate: 'server.pem',
  key: 'server.key',
  gitIgnore: '.gitignore',
} as const;

/** The texts of the files. */
export function documentsOf(
  choices: InitChoices,
  { certificate, key }: CertificateFiles,
  { keys, accessKeyIds }: KeptFiles,
): Documents {
  const names = storeFiles(choices);
  const { accessKeyId, secretAccessKey } = newCredential();
  const secretFile = `${accessKeyId}.secret`;
  const credential = [
    [secretFile, `${secretAccessKey}\n`],
    [names.credentials, credentialsDocument([credentialRow(accessKeyId, secretFile)])],
  ] as const;
  const texts = new Map([
    [FILES.certificate, certificate],
    [FILES.key, key],
    ...(keys === undefined ? [[names.keys, keysDocument([])] as const] : []),
    ...(accessKeyIds.length === 0 ? credential : []),
    [FILES.config, configDocument(choices)],
  ]);
  return { accessKeyId: accessKeyIds.at(-1) ?? accessKeyId, texts };
}

/** The wanted keys that the file does not have yet. */
export function missingKeys({ externalKeyIds }: InitChoices, { keys = [] }: KeptFiles): readonly string[] {
  return externalKeyIds.filter((wanted) => keys.every(({ externalKeyId }) => externalKeyId !== wanted));
}

/**
 * Checks that the proxy would take the files as they will be in the end. Throws XksProxyError `CONFIG_INVALID`: then
 * nothing has been written, and no token has been touched.
 */
export function checkDocuments(
  choices: InitChoices,
  { texts }: Documents,
  kept: KeptFiles,
  pin: string,
): void {
  const added = missingKeys(choices, kept).map(
    (externalKeyId): StoreKeyConfig => ({
      externalKeyId,
      tokens: undefined,
      versions: [{ version: 1, selector: { label: externalKeyId } }],
      usages: ['ENCRYPT', 'DECRYPT'],
      status: 'ENABLED',
      acceptReferenceCiphertext: false,
    }),
  );
  const keys = keysDocument([...(kept.keys ?? []), ...added]);
  const all = [...texts, [FILES.pin, pin], [storeFiles(choices).keys, keys]] as const;
  const instead = new Map(all.map(([name, text]) => [join(choices.folder, name), text]));
  const { server } = parseConfig(texts.get(FILES.config) ?? '', { baseDirectory: choices.folder, instead });
  refuseOutsideDates(server.tls);
}

function configDocument(choices: InitChoices): string {
  const { host, port, stateDirectory, module, token, store, pathPrefix, regions } = choices;
  const names = storeFiles(choices);
  return stringify({
    server: { host, port, tls: { certificate_file: FILES.certificate, key_file: FILES.key } },
    iv_budget: { state_dir: stateDirectory },
    tokens: [
      {
        name: 'main',
        module,
        label: token.label,
        pin_file: FILES.pin,
        iv: knownModule(module).iv,
        health_key_label: HEALTH_KEY_LABEL,
      },
    ],
    stores: [
      {
        name: store,
        path_prefix: pathPrefix,
        regions: [...regions],
        credentials_file: names.credentials,
        keys_file: names.keys,
      },
    ],
  });
}
