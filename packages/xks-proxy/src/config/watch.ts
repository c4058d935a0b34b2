import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { errorCode } from '../error-code.ts';

/** Files that have been read, and are watched from then on. */
export interface FileWatch {
  /**
   * Runs `work`, which reads files and passes the absolute path of each to `onRead` before it reads it. From then on those
   * files are watched, in place of the ones watched earlier. When `work` throws, both are watched: the mistake may be in any
   * of them, and `work` may have failed before it read the rest.
   */
  reading<T>(work: (onRead: (file: string) => void) => T): T;
  close(): void;
}

/** How files are watched, and what is called when they change. */
export interface WatchOptions {
  /**
   * Called once for all that has changed since the files were read: when two looks in a row find the same, or three looks
   * have each found another change. It has to have the files read again, now or later; until then it is not called again.
   */
  readonly onChange: () => void;
  /** The time between two looks. Default 1000. */
  readonly intervalMs?: number;
}

/**
 * Watches files by looking at them: that also sees a link that points elsewhere, and files on a network, as secrets and
 * certificates are handed to containers. A file server that hangs holds up the looks at what was read with its files, and
 * nothing else. Keeps no process alive.
 */
export function watchFiles({ onChange, intervalMs = 1000 }: WatchOptions): FileWatch {
  let read = new Map<string, string>();
  let seen: string | undefined;
  let told: string | undefined;
  /** Whether the reading that `onChange` leads to is still to come: it will find whatever has changed by then. */
  let isAwaited = false;
  /** The number of looks in a row that have each found another change. */
  let unsteadyLooks = 0;
  /** The files of the look under way. */
  let looking: typeof read | undefined;
  const look = async (looked: typeof read): Promise<void> => {
    const states: [file: string, state: string][] = [];
    // One after the other: a file server that hangs takes one thread of libuv, and not all of them.
    for (const file of looked.keys()) states.push([file, await stateNow(file)]);
    if (looked !== read) return;
    const before = seen;
    seen = fingerprint(states);
    if (isAwaited || seen === told || seen === fingerprint([...read])) {
      unsteadyLooks = 0;
      return;
    }
    // Files that belong together, such as a certificate and its key, are seldom written in the same instant. But a file that
    // changes all the time must not hold up the others: what is torn when it is read is refused, and tried again.
    unsteadyLooks = seen === before ? MAX_UNSTEADY_LOOKS : unsteadyLooks + 1;
    if (unsteadyLooks < MAX_UNSTEADY_LOOKS) return;
    unsteadyLooks = 0;
    told = seen;
    isAwaited = true;
    onChange();
  };
  const timer = setInterval(() => {
    const looked = read;
    if (looking === looked) return;
    looking = looked;
    void look(looked).finally(() => {
      if (looking === looked) looking = undefined;
    });
  }, intervalMs);
  timer.unref();
  return {
    reading(work) {
      const before = read;
      const states = new Map<string, string>();
      read = states;
      isAwaited = false;
      try {
        const result = work((file) => {
          if (!states.has(file)) states.set(file, state(file));
        });
        told = undefined;
        return result;
      } catch (error) {
        // The states are those in which the files were last read, so a change since then stays one. `told` is kept, or that
        // change would be told again after each refusal.
        for (const [file, its] of before) if (!states.has(file)) states.set(file, its);
        throw error;
      }
    },
    close() {
      clearInterval(timer);
      // The result of a look that is under way is dropped.
      read = new Map();
    },
  };
}

function fingerprint(states: readonly (readonly [file: string, state: string])[]): string {
  return states
    .map(([file, its]) => `${file} ${its}`)
    .toSorted()
    .join('\n');
}

/** The state of a file. One that cannot be looked at has a state too: reading it tells what that means. */
function state(file: string): string {
  try {
    return stateOf(statSync(file, { bigint: true }));
  } catch (error) {
    return stateWithout(error);
  }
}

const stateNow = (file: string): Promise<string> => stat(file, { bigint: true }).then(stateOf, stateWithout);

/** A change of owner or permissions, after which a file can be read again, changes nothing but the time of change. */
const stateOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats) =>
  `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;

const stateWithout = (error: unknown) => errorCode(error) ?? 'unknown error';

const MAX_UNSTEADY_LOOKS = 3;
