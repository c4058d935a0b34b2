import { afterEach } from 'vitest';

// A library that prints is a library that leaks: any console output fails the test that caused it.
const printed: string[] = [];

for (const method of ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const) {
  console[method] = (...values: unknown[]) =>
    void printed.push(`console.${method}: ${values.map(String).join(' ')}`);
}

afterEach(() => {
  if (printed.length > 0) throw new Error(`output on the console: ${printed.splice(0).join('\n')}`);
});
