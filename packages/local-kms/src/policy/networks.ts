import { BlockList, isIP } from 'node:net';

/**
 * Reads an IP address or a network in CIDR notation; undefined for text that is neither. An IPv4 address that was
 * mapped into IPv6 is in the networks of IPv4.
 */
export function networkTest(text: string): ((address: string) => boolean) | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const version = isIP(address);
  const bits = version === 4 ? 32 : 128;
  if (version === 0 || rest.length > 0 || !isPrefixLength(length, bits)) return undefined;
  const network = new BlockList();
  network.addSubnet(address, length === undefined ? bits : Number(length), version === 4 ? 'ipv4' : 'ipv6');
  return (candidate) => {
    const plain = candidate.replace(MAPPED, '');
    return network.check(plain, isIP(plain) === 4 ? 'ipv4' : 'ipv6');
  };
}

function isPrefixLength(length: string | undefined, bits: number): boolean {
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= bits);
}

const MAPPED = /^::ffff:(?=\d+\.)/i;
