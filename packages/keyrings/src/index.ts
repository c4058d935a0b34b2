export { KeyringError, type KeyringErrorCode } from './errors.ts';
