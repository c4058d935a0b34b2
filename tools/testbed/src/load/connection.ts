import { connect, type TLSSocket } from 'node:tls';

/** Where a server listens, and whom to trust. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly servername: string;
  /** PEM of the authority that issued its certificate. */
  readonly ca: string;
}

/** What became of a request: an HTTP status; no answer; or no connection to ask on. */
export type Outcome = number | 'lost' | 'refused';

/** A connection that carries one request after the other, as AWS KMS uses them. */
export interface Connection {
  /** Sends the bytes of a request as they are. Connects first where need be. One at a time. */
  readonly send: (request: Uint8Array) => Promise<Outcome>;
  readonly close: () => void;
}

/**
 * Makes a connection when it is first needed, and again after the server has closed it.
 *
 * It is not `node:https`: that would take most of the processor time that is there for both sides.
 */
export function connection(endpoint: Endpoint): Connection {
  let socket: TLSSocket | undefined;
  let received: Buffer = NOTHING;
  let settle: ((outcome: Outcome) => void) | undefined;

  const done = (outcome: Outcome): void => {
    const waiting = settle;
    settle = undefined;
    received = NOTHING;
    waiting?.(outcome);
  };
  const drop = (outcome: Outcome): void => {
    socket?.removeAllListeners().on('error', ignore).destroy();
    socket = undefined;
    done(outcome);
  };
  const onData = (chunk: Buffer): void => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const headEnd = received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = received.toString('latin1', 0, headEnd);
    const bodyLength = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    if (received.length < headEnd + 4 + bodyLength) return;
    const status = Number(head.slice(9, 12));
    if (/^connection: close/im.test(head)) drop(status);
    else done(status);
  };

  return {
    send(request) {
      return new Promise((resolve) => {
        settle = resolve;
        if (socket !== undefined) return void socket.write(request);
        let isConnected = false;
        socket = connect({ ...endpoint, ALPNProtocols: ['http/1.1'] }, () => {
          isConnected = true;
          socket?.write(request);
        });
        socket.setNoDelay(true);
        const onEnd = () => drop(isConnected ? 'lost' : 'refused');
        socket.on('data', onData).on('error', onEnd).on('close', onEnd);
      });
    },
    close: () => drop('lost'),
  };
}

const NOTHING = Buffer.alloc(0);
const ignore = (): void => undefined;
