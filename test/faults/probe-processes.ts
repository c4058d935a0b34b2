import { readdirSync, readFileSync } from 'node:fs';

/** The probes of tokens that a process has started, by their process ids. From /proc: `pgrep` is not on every machine. */
export function probeProcessesOf(parent: number | undefined): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter(
      (pid) => fieldsOf(pid).includes(`PPid:\t${parent}\n`) && commandOf(pid).includes('token-probe-program'),
    )
    .map(Number);
}

const fieldsOf = (pid: string) => contents(`/proc/${pid}/status`);
const commandOf = (pid: string) => contents(`/proc/${pid}/cmdline`);

/** Empty for a process that has ended meanwhile. */
function contents(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
