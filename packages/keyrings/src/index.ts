export { KeyringError, type KeyringErrorCode } from './internal/errors.ts';
