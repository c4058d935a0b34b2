import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
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
      expect(await outputOfProgram(code, environment())).toBe(output);
    });
  });
}

/**
 * What a program in TypeScript prints: run by itself, with the packages as they are built. Rejects with what it says of an
 * error.
 *
 * @param environment what it finds in `process.env` besides ours
 */
export async function outputOfProgram(
  code: string,
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  // Inside the repository, so that imports lead where they lead for a user.
  const cache = join(ROOT, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'example-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const program = await transform(code, { loader: 'ts', target: 'node20' });
  writeFileSync(join(folder, 'example.mjs'), program.code);
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', 'example.mjs'], {
    cwd: folder,
    env: { ...process.env, ...environment },
  });
  return stdout;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
