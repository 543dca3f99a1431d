import { asBuffer } from './content';

/**
 * Every client of a destination. One attempt: the engine repeats, with order and duplicates in mind. A call that hangs ends
 * long before the invocation does.
 */
export const CLIENT = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 3000, requestTimeout: 10_000, throwOnRequestTimeout: true, socketTimeout: 10_000 },
};

/** What of an SDK client decides how its requests and answers look. */
interface JsonClient {
  readonly config: { readonly protocol?: object };
  readonly middlewareStack: { remove(name: string): boolean };
}

interface Protocol {
  serializeRequest(operation: unknown, input: object, context: unknown): Promise<object>;
  deserializeResponse(operation: unknown, context: Collecting, response: Response): Promise<object>;
}

interface Collecting {
  streamCollector(body: unknown): Promise<Uint8Array>;
}

interface Response {
  readonly statusCode: number;
  readonly body: unknown;
}

/**
 * The same client with a faster way to write requests and to read answers, for calls of one operation whose answer holds
 * neither bytes nor times: the SDK's own, field by field, take half of a call. Endpoints, headers, signatures, checksums and
 * errors stay the SDK's.
 *
 * @param write makes the bytes the SDK would make
 */
export function withPlainJson<I extends object, C extends JsonClient>(client: C, write: (input: I) => Uint8Array): C {
  const protocol = client.config.protocol as Protocol;
  const { serializeRequest, deserializeResponse } = protocol;
  Object.assign(protocol, {
    serializeRequest: async (operation, input, context) =>
      Object.assign(await serializeRequest.call(protocol, operation, {}, context), { body: write(input as I) }),
    deserializeResponse: async (operation, context, response) => response.statusCode === 200
      ? { ...fieldsIn(await context.streamCollector(response.body)), $metadata: { httpStatusCode: 200 } }
      : deserializeResponse.call(protocol, operation, context, response),
  } satisfies Protocol);
  // It copies input and output for a log that nobody reads.
  client.middlewareStack.remove('loggerMiddleware');
  return client;
}

/** As the SDK has it: a field that is null is not there. */
function fieldsIn(body: Uint8Array): object {
  const answer = JSON.parse(asBuffer(body).toString() || '{}') as object;
  return Object.fromEntries(Object.entries(answer).filter(([, value]) => value !== null));
}

/** Of functions: how long one may take is its own affair, and the end of the invocation ends the wait. */
export const INVOKING_CLIENT = { ...CLIENT, requestHandler: { connectionTimeout: CLIENT.requestHandler.connectionTimeout } };
