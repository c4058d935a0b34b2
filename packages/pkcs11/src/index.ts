export type {
  DecryptInput,
  EncryptInput,
  EncryptOutput,
  IvPlacement,
  TokenIvEncryptInput,
  TokenIvEncryptOutput,
} from './aes-gcm.ts';
export type { AesKeyRecord } from './aes-inventory.ts';
export type { AesKey, GenerateKeyOptions, KeyUsage } from './aes-keys.ts';
export type { CallMode } from './cipher-calls.ts';
export type { Pkcs11ErrorCode } from './error-codes.ts';
export { Pkcs11Error, type ReturnValue } from './errors.ts';
export { type OpenModuleOptions, type OpenTokenOptions, openModule, type Pkcs11Module } from './module.ts';
export type { KeySelector } from './objects.ts';
export { type PinGuard, type PinGuardMemory, pinGuard } from './pin-guard.ts';
export type { RsaDecryptInput, RsaEncryptInput, RsaOaepPadding, RsaPadding } from './rsa.ts';
export type { RsaKey } from './rsa-keys.ts';
export type { GenerateRsaKeyOptions } from './rsa-objects.ts';
export type { CallOptions } from './sessions.ts';
export type { InitializeTokenOptions, TokenInfo } from './slots.ts';
export type { Token } from './token.ts';
