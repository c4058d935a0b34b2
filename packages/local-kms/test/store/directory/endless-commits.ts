import { writeSync } from 'node:fs';
import { directoryStore } from '../../../src/store/directory/directory-store.ts';

// A program that commits to a directory, with a new snapshot after nearly every commit, until it is killed. It prints the
// version that it finds and then every version that it has been told is kept.
const [, , path = ''] = process.argv;
const store = await directoryStore(path, { maxLogBytes: 0 }).open();
const found = await store.read();
if (!found) await store.begin({ header: '', version: 0, records: [] });
for (let version = found?.version ?? 0; ; ) {
  writeSync(1, `${version}\n`);
  version += 1;
  await store.commit(version, [{ name: `key/x/${version % 7}`, body: Buffer.alloc(300, version % 251) }]);
}
