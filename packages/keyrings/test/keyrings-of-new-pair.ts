// A program that makes RSA keyrings while garbage is collected. If it hangs, nothing but SIGKILL ends it.
import { generateKeyPairSync } from 'node:crypto';
import { collectGarbageAt } from '../../../tools/vitest/garbage-at-property.ts';
import { rawRsaKeyring } from '../src/raw-rsa.ts';

const names = { namespace: 'my-app', name: 'new' };
const newPair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const collections = collectGarbageAt('modulusLength');
rawRsaKeyring({ ...names, publicKey: newPair().publicKey });
rawRsaKeyring({ ...names, privateKey: newPair().privateKey });
process.stdout.write(`${collections()}\n`);
