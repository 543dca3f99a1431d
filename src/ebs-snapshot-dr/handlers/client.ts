/** Clients whose calls may be repeated; one that hangs ends long before the invocation does. */
export const CLIENT = {
  maxAttempts: 4,
  requestHandler: { connectionTimeout: 3000, requestTimeout: 10_000, throwOnRequestTimeout: true },
};
