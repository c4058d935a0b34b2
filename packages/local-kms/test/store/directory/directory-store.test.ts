import { join } from 'node:path';
import { directoryStore } from '../../../src/store/directory/directory-store.ts';
import { temporaryFolder } from '../../fixtures/state.ts';
import { describeStore } from '../contract.ts';

describeStore('a directory', () => directoryStore(join(temporaryFolder(), 'data')));
describeStore('a directory that is compacted all the time', () =>
  directoryStore(join(temporaryFolder(), 'data'), { maxLogBytes: 0 }),
);
