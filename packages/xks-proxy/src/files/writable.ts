import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Whether a folder can be written to, or be made where there is none, as the proxy does with all that are missing. */
export function isWritable(directory: string): boolean {
  if (!existsSync(directory) && dirname(directory) !== directory) return isWritable(dirname(directory));
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return statSync(directory).isDirectory();
  } catch {
    return false;
  }
}
