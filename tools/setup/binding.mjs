import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { installAsRoot } from './debian.mjs';
import { problemOf } from './probe.mjs';
import { record, run, SetupFailure, step } from './step.mjs';

/**
 * Builds pkcs11js unless it loads. Its three source files need a C++ compiler and the headers of Node-API, which are
 * an npm package: no Node headers, no Python, no make.
 */
export function ensureBinding(root) {
  if (problemOf(root) === undefined) return;
  if (process.platform !== 'linux') {
    throw new SetupFailure(
      'the PKCS#11 binding (pkcs11js) is not built',
      'Run: npm rebuild pkcs11js --ignore-scripts=false',
    );
  }
  const compiler = ensureCompiler(root);
  step('building the PKCS#11 binding (pkcs11js)', () => compile(root, compiler));
  const problem = problemOf(root);
  if (problem === undefined) return;
  throw new SetupFailure(
    `the PKCS#11 binding was built but does not load: ${problem}`,
    'Remove node_modules and run this again, with the compiler of this system in CXX.',
  );
}

function ensureCompiler(root) {
  const candidates = [process.env.CXX, 'g++', 'c++', 'clang++'].filter(Boolean);
  const find = () => candidates.find((candidate) => run(candidate, ['--version']).ok);
  const found = find();
  if (found) return found;
  // Not `g++`: where apt does not know that package yet, it takes the name for a pattern that many others match.
  const installation = installAsRoot(root, 'build-essential', 'a C++ compiler for the PKCS#11 binding');
  const installed = find();
  if (installed) return installed;
  throw new SetupFailure(
    `no C++ compiler to build the PKCS#11 binding with, and none could be installed: ${installation.why}`,
    'Install one (Debian, Ubuntu: apt-get install build-essential; Fedora: dnf install gcc-c++), or name one in CXX.',
  );
}

function compile(root, compiler) {
  const source = join(root, 'node_modules', 'pkcs11js');
  const target = join(source, 'build', 'Release', 'pkcs11.node');
  // Compiled beside its place and moved there whole: an interrupted build is never taken for a binding.
  const unfinished = `${target}.${process.pid}`;
  mkdirSync(join(source, 'build', 'Release'), { recursive: true });
  const { ok, output } = run(compiler, [...FLAGS, ...sources(source), '-o', unfinished], { cwd: source });
  if (!ok) {
    rmSync(unfinished, { force: true });
    const { file, line } = record(root, 'binding', output);
    throw new SetupFailure(
      `the PKCS#11 binding does not compile: ${line}`,
      `See ${file}; ${compiler} has to know C++17 (g++ 8 or newer).`,
    );
  }
  renameSync(unfinished, target);
}

// The list is the binding's own: a version with another file still builds.
function sources(source) {
  const gyp = readFileSync(join(source, 'binding.gyp'), 'utf8');
  return [...gyp.matchAll(/"(src\/[\w.]+\.cpp)"/g)].map(([, file]) => file);
}

const FLAGS = [
  '-shared',
  '-fPIC',
  '-std=c++17',
  '-O2',
  '-DNAPI_DISABLE_CPP_EXCEPTIONS',
  '-DNODE_GYP_MODULE_NAME=pkcs11',
  '-DBUILDING_NODE_EXTENSION',
  '-Iincludes',
  '-I../node-api-headers/include',
];
