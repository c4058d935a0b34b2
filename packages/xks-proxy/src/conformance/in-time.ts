/**
 * Settles as an exchange with a peer that may never answer, or never completely. Rejects after `timeoutMs`, and then
 * destroys the connection of the exchange.
 */
export async function inTime<T>(
  exchange: Promise<T>,
  connection: { readonly destroy: (error: Error) => unknown },
  timeoutMs: number,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`no answer in ${timeoutMs} ms`);
      reject(error);
      connection.destroy(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([exchange, end]);
  } finally {
    clearTimeout(timer);
  }
}
