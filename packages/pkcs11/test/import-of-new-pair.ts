// A program that imports a key, and would collect garbage in the middle of an export as a JWK. If it hangs, nothing but SIGKILL
// ends it.
import { generateKeyPairSync } from 'node:crypto';
import { collectGarbageAt } from '../../../tools/vitest/garbage-at-property.ts';
import { importRsaKey, temporaryToken } from '../src/testing.ts';

const token = temporaryToken();
collectGarbageAt('kty');
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
importRsaKey(token, { label: 'new', privateKey });
token.dispose();
process.stdout.write('imported\n');
