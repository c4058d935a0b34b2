export { KeyringError, type KeyringErrorCode, type KeyService } from './internal/errors.ts';
