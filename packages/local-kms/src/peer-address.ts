import type { Socket } from 'node:net';

/**
 * Notes where a connection comes from, as soon as the server has accepted it. A connection that is reset has no address any
 * more, but what was sent before the reset still arrives.
 */
export function rememberPeer(socket: Socket): void {
  if (socket.remoteAddress !== undefined) ADDRESSES.set(socket, socket.remoteAddress);
}

/** The IP address that a connection comes from; undefined if it was reset before the server accepted it. */
export function peerAddress(socket: Socket): string | undefined {
  return ADDRESSES.get(socket);
}

const ADDRESSES = new WeakMap<Socket, string>();
