import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';

/**
 * Runs every TypeScript block of a document as a program of its own, which prints what the text block right behind it
 * says, and nothing without one.
 *
 * @param file the document, from the root of the repository
 * @param environment what the programs find in `process.env` besides ours; asked for when the tests run
 */
export function describeExamples(
  file: string,
  environment: () => Readonly<Record<string, string>> = () => ({}),
): void {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const examples = [...text.matchAll(/^```ts\n([^]*?)^```\n(?:\n```text\n([^]*?)^```$)?/gm)].map(
    ([, code = '', output = ''], index) => ({ title: `example ${index + 1}`, code, output }),
  );

  describe(`the examples of ${file}`, () => {
    test('has examples', () => {
      expect(examples).not.toHaveLength(0);
    });

    test.each(examples)('$title runs and prints what the document says', async ({ code, output }) => {
      // Inside the repository, so that imports lead where they lead for a user.
      const cache = join(ROOT, 'node_modules/.cache');
      mkdirSync(cache, { recursive: true });
      const folder = mkdtempSync(join(cache, 'example-'));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      writeFileSync(join(folder, 'example.mts'), code);
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [
          '--no-warnings',
          '--conditions=@holdfast/source',
          '--import=tsx',
          TYPESCRIPT_IN_THREADS,
          'example.mts',
        ],
        { cwd: folder, env: { ...process.env, ...environment() } },
      );
      expect(stdout).toBe(output);
    });
  });
}

const TYPESCRIPT_IN_THREADS = `--import=${new URL('typescript-threads.mjs', import.meta.url).href}`;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
