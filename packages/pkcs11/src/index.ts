export type { CallMode, DecryptInput, EncryptInput, EncryptOutput } from './aes-gcm.ts';
export { Pkcs11Error, type Pkcs11ErrorCode, type ReturnValue } from './errors.ts';
export type { AesKey, GenerateKeyOptions, KeySelector, KeyUsage } from './keys.ts';
export { type OpenTokenOptions, openModule, type Pkcs11Module } from './module.ts';
export type { CallOptions } from './sessions.ts';
export type { InitializeTokenOptions, TokenInfo } from './slots.ts';
export type { Token } from './token.ts';
