import type { AesKeyRecord } from '@holdfast/pkcs11';

/** How a device finds a key: by its label or by its id (CKA_LABEL, CKA_ID). */
export type DeviceKeySelector = { readonly label: string } | { readonly id: Uint8Array };

/** A selector as it stands in a keys file: an id in hex. */
export function selectorText(selector: DeviceKeySelector): { label: string } | { id: string } {
  return 'id' in selector ? { id: hex(selector.id) } : { label: selector.label };
}

/** A selector as one text that differs from that of any other selector. */
export function selectorName(selector: DeviceKeySelector): string {
  return 'id' in selector ? `id ${hex(selector.id)}` : `label ${selector.label}`;
}

/** Whether a selector means a key on a token. */
export function isMatch(record: Pick<AesKeyRecord, 'id' | 'label'>, selector: DeviceKeySelector): boolean {
  return 'id' in selector ? Buffer.compare(record.id, selector.id) === 0 : record.label === selector.label;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
