import { styleText } from 'node:util';
import type { Step } from './chain.ts';
import type { Trace } from './trace.ts';

/** What the demonstration tells its reader: lively and coloured on a terminal, plain lines elsewhere. */
export interface Report {
  heading(text: string): void;
  /** One line for one piece of work: its outcome, and how long it took. */
  readonly step: Step;
  /** The way of one request through the chain, with the id that every log on it holds. */
  trace(trace: Trace): void;
  /** Lines to be copied as they are. */
  listing(lines: readonly string[]): void;
  failure(text: string): void;
}

/** Standard output, or anything else that takes text. */
export interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** A report on `screen`. Colour follows the terminal and https://no-color.org. */
export function createReport(screen: Screen): Report {
  const lively = screen.isTTY === true;
  const coloured = lively && !process.env['NO_COLOR'];
  const paint = (style: Style, text: string) =>
    coloured ? styleText(style, text, { validateStream: false }) : text;
  const line = (text = '') => screen.write(`${text}\n`);

  return {
    heading: (text) => line(`\n${paint('bold', text)}`),

    async step(title, work, describe) {
      const started = performance.now();
      const name = title.padEnd(TITLE_WIDTH);
      const spinner = lively ? spin(screen, (frame) => `  ${paint('cyan', frame)} ${name}`) : undefined;
      try {
        const result = await work();
        const took = paint('dim', inMilliseconds(performance.now() - started));
        spinner?.stop();
        line(`  ${paint('green', lively ? '✓' : 'ok')} ${name} ${took}  ${describe(result)}`);
        return result;
      } catch (error) {
        spinner?.stop();
        line(`  ${paint('red', lively ? '✗' : 'failed')} ${name}`);
        throw error;
      }
    },

    trace({ requestId, hops, logLine }) {
      line(`    ${paint('dim', `request ${requestId}`)}`);
      for (const [depth, { place, operation, durationMs, detail }] of hops.entries()) {
        const branch = depth === 0 ? '' : `${'  '.repeat(depth - 1)}${lively ? '└ ' : '> '}`;
        const where = `${branch}${place}`.padEnd(HOP_WIDTH);
        line(
          `    ${where} ${operation.padEnd(OPERATION_WIDTH)} ${inMilliseconds(durationMs)}  ${paint('dim', detail)}`,
        );
      }
      const shown = Object.fromEntries(SHOWN_FIELDS.map((field) => [field, logLine[field]]));
      line(`    ${paint('dim', `log line: ${JSON.stringify(shown)}`)}`);
    },

    listing: (lines) => {
      for (const text of lines) line(text === '' ? '' : `  ${text}`);
    },

    failure: (text) => line(`\n${paint('red', text)}`),
  };
}

type Style = 'bold' | 'cyan' | 'dim' | 'green' | 'red';

/** Redraws the last line until it is stopped, and then clears it. */
function spin(screen: Screen, draw: (frame: string) => string): { stop(): void } {
  let turn = 0;
  const redraw = () => {
    screen.write(`\r${draw(FRAMES[turn % FRAMES.length] ?? '')}`);
    turn += 1;
  };
  redraw();
  const timer = setInterval(redraw, FRAME_MS);
  return {
    stop() {
      clearInterval(timer);
      screen.write('\r\u001B[K');
    },
  };
}

function inMilliseconds(durationMs: number): string {
  return `${durationMs.toFixed(1).padStart(7)} ms`;
}

// The whole line has more than a terminal can show at a glance.
const SHOWN_FIELDS = [
  'kmsRequestId',
  'kmsOperation',
  'operation',
  'status',
  'outcome',
  'durationMs',
  'tokenMs',
] as const;
const FRAMES = ['⠋', '⠙', '⠸', '⠴', '⠦', '⠇'] as const;
const FRAME_MS = 80;
const TITLE_WIDTH = 12;
const HOP_WIDTH = 22;
const OPERATION_WIDTH = 16;
