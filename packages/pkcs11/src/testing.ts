export {
  destroyKeys,
  type ImportAesKeyOptions,
  type ImportRsaKeyOptions,
  importAesKey,
  importRsaKey,
} from './testing/known-keys.ts';
export { findNssModule, type TemporaryNssToken, temporaryNssToken } from './testing/nss.ts';
export { changePin, type Outsider, outsider } from './testing/outsider.ts';
export { findModule, type TemporaryToken, temporaryToken } from './testing/softhsm.ts';
export type { TestToken } from './testing/test-token.ts';
