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
  if (version === 4) return networkOfIpv4(address, length === undefined ? bits : Number(length));
  const network = new BlockList();
  network.addSubnet(address, length === undefined ? bits : Number(length), 'ipv6');
  return (candidate) => isIP(candidate) === 6 && !MAPPED.test(candidate) && network.check(candidate, 'ipv6');
}

// Most policies have such networks, and a block list takes longer than the rest of a decision.
function networkOfIpv4(address: string, prefixLength: number): (address: string) => boolean {
  const size = 2 ** (32 - prefixLength);
  const place = Math.floor(ipv4Number(address) / size);
  return (candidate) => {
    const plain = candidate.replace(MAPPED, '');
    return isIP(plain) === 4 && Math.floor(ipv4Number(plain) / size) === place;
  };
}

function ipv4Number(address: string): number {
  return address.split('.').reduce((number, byte) => number * 256 + Number(byte), 0);
}

function isPrefixLength(length: string | undefined, bits: number): boolean {
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= bits);
}

const MAPPED = /^::ffff:(?=\d+\.)/i;
