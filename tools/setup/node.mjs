import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupFailure } from './step.mjs';

/** Stops on a Node that is older than `engines` of package.json asks for. */
export function ensureNode(root) {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const oldest = engines.node.replace('>=', '');
  if (isOlder(process.versions.node, oldest)) {
    throw new SetupFailure(
      `Node ${process.versions.node} is too old`,
      `Install Node ${oldest} or newer: https://nodejs.org/en/download`,
    );
  }
}

function isOlder(version, oldest) {
  const [major, minor] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = oldest.split('.').map(Number);
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}
