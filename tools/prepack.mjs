// Runs in a package before it is packed: what is compiled is exactly what there are sources of, and the licence goes along.
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const COMPILED = ['.d.ts.map', '.js.map', '.d.ts', '.js'];

const names = (directory) =>
  existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
const sources = names('src').filter((name) => name.endsWith('.ts'));
const stems = new Set(sources.map((name) => name.slice(0, -'.ts'.length)));

// The compiler leaves behind what it once made of a source that has gone since. A bundle is made anew as a whole.
for (const name of names('dist').filter((name) => !name.startsWith('bundle'))) {
  const ending = COMPILED.find((ending) => name.endsWith(ending));
  if (ending !== undefined && !stems.has(name.slice(0, -ending.length))) rmSync(join('dist', name));
}

const missing = [...stems].filter((stem) => !existsSync(join('dist', `${stem}.js`)));
if (missing.length > 0) {
  process.stderr.write(`${process.cwd()} is not built: it lacks dist/${missing[0]}.js. Run: npm run build\n`);
  process.exit(1);
}
copyFileSync(fileURLToPath(new URL('../LICENSE', import.meta.url)), 'LICENSE');
