import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Whether a folder can be written to, or made if it does not exist, as the proxy does with missing folders. */
export function isWritable(directory: string): boolean {
  if (!existsSync(directory) && dirname(directory) !== directory) return isWritable(dirname(directory));
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return statSync(directory).isDirectory();
  } catch {
    return false;
  }
}
