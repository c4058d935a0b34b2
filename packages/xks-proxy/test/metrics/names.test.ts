import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { METRIC_PREFIX, METRICS } from '../../src/metrics/names.ts';

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

describe('the names of the metrics', () => {
  it('are all on the page about them, with kind, labels and meaning, and no others are', () => {
    const rows = [...read('docs/metrics.md').matchAll(/^\| `(\w+)` \| (\w+) \| (.+?) \| (.+) \|$/gm)];
    const told = rows.map(([, name, kind, labels, help]) => [name, kind, labels?.match(/\w+/g) ?? [], help]);
    expect(told).toEqual(
      Object.entries(METRICS).map(([name, row]) => [name, row.kind, row.labels, row.help]),
    );
  });

  it('are all on the dashboard, and no others are, with labels that they have', () => {
    const expressions = [
      ...read('deploy/grafana-dashboard.json').matchAll(/"expr": "((?:[^"\\]|\\.)*)"/g),
    ].map(([, expression = '']) => expression);
    const used = new Set<string>();
    for (const expression of expressions) {
      const [, name = ''] =
        new RegExp(`${METRIC_PREFIX}(\\w+?)(?:_bucket|_count|_sum)?\\b(?!\\w)`).exec(expression) ?? [];
      used.add(name);
      const row = Object.entries(METRICS).find(([known]) => known === name)?.[1];
      const [, by = ''] = /by \(([\w, ]+)\)/.exec(expression) ?? [];
      const chosen = [...expression.matchAll(/(\w+)!?=\\"/g)].map(([, label = '']) => label);
      const labels = [...by.split(', '), ...chosen].filter((label) => !['', 'le', 'job'].includes(label));
      const known: readonly string[] = row?.labels ?? [];
      const strangers = labels.filter((label) => !known.includes(label));
      expect({ expression, strangers }).toEqual({ expression, strangers: [] });
    }
    expect([...used].sort()).toEqual(Object.keys(METRICS).sort());
  });
});
