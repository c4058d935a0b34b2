export type {
  DecryptInput,
  EncryptInput,
  EncryptOutput,
  IvPlacement,
  TokenIvEncryptInput,
  TokenIvEncryptOutput,
} from './cipher/aes-gcm.ts';
export type { CallMode } from './cipher/cipher-calls.ts';
export type { RsaDecryptInput, RsaEncryptInput, RsaOaepPadding, RsaPadding } from './cipher/rsa.ts';
export type { Pkcs11ErrorCode } from './error-codes.ts';
export { Pkcs11Error, type ReturnValue } from './errors.ts';
export type { AesKeyRecord } from './keys/aes-inventory.ts';
export type { AesKey } from './keys/aes-key.ts';
export type { GenerateAesKeyOptions } from './keys/aes-objects.ts';
export type { KeySelector, KeyUsage } from './keys/objects.ts';
export type { RsaKey } from './keys/rsa-key.ts';
export type { GenerateRsaKeyOptions } from './keys/rsa-objects.ts';
export type { InitializeTokenOptions, TokenInfo } from './library/slots.ts';
export { type PinGuard, type PinGuardMemory, pinGuard } from './login/pin-guard.ts';
export { type OpenModuleOptions, type OpenTokenOptions, openModule, type Pkcs11Module } from './module.ts';
export type { ReturnValueName } from './return-values.ts';
export type { CallOptions } from './sessions/session-pool.ts';
export type { Token } from './token.ts';
