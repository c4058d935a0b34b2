import type { NextRequest } from '@holdfast/testbed/load/loops';
import { type Caller, encryptRequest, SMALL } from '@holdfast/testbed/load/requests';

/** Requests of one caller, over and over: signing each anew would cost the machine more than answering it. */
export function requestsOf(path: string, caller: Caller): NextRequest {
  const requests = Array.from({ length: POOL }, () => encryptRequest(path, SMALL, caller));
  const none = new Uint8Array(0);
  let sent = 0;
  return () => {
    sent += 1;
    return requests[sent % POOL] ?? none;
  };
}

const POOL = 64;
