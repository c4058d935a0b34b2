import type { DeviceKeySelector } from './key-device.ts';

/** A selector as one text, which no other selector has. */
export function selectorName(selector: DeviceKeySelector): string {
  return 'id' in selector ? `id ${Buffer.from(selector.id).toString('hex')}` : `label ${selector.label}`;
}
