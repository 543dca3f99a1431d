import { modelsOf } from './proxy/operations';

/** A call by an AWS JSON protocol without a client: for services of which the repository has none. */
export async function callJson(
  endpoint: string, region: string, service: string, operation: string, input: unknown,
): Promise<Record<string, unknown>> {
  const [{ jsonVersion = '1.1', targetPrefix }] = modelsOf(service);
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'authorization': `AWS4-HMAC-SHA256 Credential=thetest/20260101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=0`,
      'x-amz-target': `${targetPrefix}.${operation}`,
      'content-type': `application/x-amz-json-${jsonVersion}`,
    },
    body: JSON.stringify(input),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${service}:${operation} must succeed, got ${response.status} ${text.slice(0, 500)}`);
  return text === '' ? {} : JSON.parse(text) as Record<string, unknown>;
}
