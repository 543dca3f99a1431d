/**
 * Every client of a destination. One attempt: the engine repeats, with order and duplicates in mind. A call that hangs ends
 * long before the invocation does.
 */
export const CLIENT = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 3000, requestTimeout: 10_000, throwOnRequestTimeout: true, socketTimeout: 10_000 },
};

/** Of functions: how long one may take is its own affair, and the end of the invocation ends the wait. */
export const INVOKING_CLIENT = { ...CLIENT, requestHandler: { connectionTimeout: CLIENT.requestHandler.connectionTimeout } };
