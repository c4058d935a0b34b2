// Runs in a package before it is packed: what is compiled is exactly what there are sources of, and the licence goes along.
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const COMPILED = ['.d.ts.map', '.js.map', '.d.ts', '.js'];

const names = (directory) =>
  existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
const sources = names('src').filter((name) => name.endsWith('.ts'));
const stems = new Set(sources.map((name) => name.slice(0, -'.ts'.length)));

// What the compiler remembers of its work is for this clone alone.
rmSync('dist/.tsbuildinfo', { force: true });

// The compiler leaves behind what it once made of a source that has gone since.
for (const name of names('dist').filter((name) => !name.startsWith('bundle'))) {
  const ending = COMPILED.find((ending) => name.endsWith(ending));
  if (ending !== undefined && !stems.has(name.slice(0, -ending.length))) rmSync(join('dist', name));
}

// So does the bundler: a chunk has another name for every content. Those count that an entry leads to.
const bundled = names('dist/bundle');
const wanted = new Set([...stems].map((stem) => `${stem}.js`).filter((name) => bundled.includes(name)));
for (const name of wanted) {
  const text = readFileSync(join('dist/bundle', name), 'utf8');
  for (const [, imported] of text.matchAll(/"\.\/([^"]+\.js)"/g)) wanted.add(imported);
}
for (const name of bundled) {
  if (!wanted.has(name.replace(/\.map$/, ''))) rmSync(join('dist/bundle', name));
}

const missing = [...stems].filter((stem) => !existsSync(join('dist', `${stem}.js`)));
if (missing.length > 0) {
  process.stderr.write(`${process.cwd()} is not built: it lacks dist/${missing[0]}.js. Run: npm run build\n`);
  process.exit(1);
}
copyFileSync(fileURLToPath(new URL('../LICENSE', import.meta.url)), 'LICENSE');
