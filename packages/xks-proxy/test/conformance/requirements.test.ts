import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { conformanceChecks } from '../../src/conformance/suite.ts';

test('the page on conformance has every requirement, with its section and level', () => {
  const page = readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8');
  const [, table = ''] = page.split('| --- | --- | --- |\n');
  const rows = conformanceChecks.map(({ section, level, name }) => `| ${section} | ${level} | ${name} |\n`);
  expect(table).toBe(rows.join(''));
});

test('every requirement has a name of its own', () => {
  const names = conformanceChecks.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
