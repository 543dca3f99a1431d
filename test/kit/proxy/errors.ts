import { escapeXml } from './body';
import type { Reply, ServiceError } from './call';
import { encodeCborStrings } from './cbor';
import type { IdentifiedCall } from './identify';

/** The error in the service's own shape: SDKs recover code and message as from AWS. */
export function errorReply(call: Pick<IdentifiedCall, 'protocol' | 'model' | 'request' | 'params'>, error: ServiceError): Reply {
  const { status, code, message } = error;
  const requestId = 'kit-0000-0000';
  const fault = status >= 500 ? 'Receiver' : 'Sender';
  switch (call.protocol) {
    case 's3': {
      const resource = [call.params.bucket, call.params.key].filter(Boolean).join('/');
      return xml(status, call.request.method === 'HEAD' ? '' : s3ErrorDocument(error, resource), { 'x-amz-request-id': requestId });
    }
    case 'ec2':
      return xml(status, `<Response><Errors><Error><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error></Errors><RequestID>${requestId}</RequestID></Response>`);
    case 'query':
    case 'rest-xml':
      return xml(status, `<ErrorResponse><Error><Type>${fault}</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`);
    case 'cbor':
      return {
        status,
        headers: { 'content-type': 'application/cbor', 'smithy-protocol': 'rpc-v2-cbor', 'x-amzn-requestid': requestId },
        body: encodeCborStrings({ __type: code, message }),
      };
    case 'rest-json':
      return json(status, { message, Message: message }, { 'content-type': 'application/json', 'x-amzn-errortype': code, 'x-amzn-requestid': requestId });
    case 'json':
      return json(status, { __type: code, message }, {
        'content-type': `application/x-amz-json-${call.model?.jsonVersion ?? '1.1'}`,
        'x-amzn-requestid': requestId,
        ...(call.model?.queryCompatible && { 'x-amzn-query-error': `${code};${fault}` }),
      });
  }
}

export function s3ErrorDocument({ code, message }: ServiceError, resource: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${escapeXml(message)}</Message>`
    + `<Resource>${escapeXml(resource)}</Resource><RequestId>kit-0000-0000</RequestId></Error>`;
}

/** The service's code in a reply of the emulator, whatever its shape. */
export function errorCodeOf(reply: Reply): string | undefined {
  if (reply.status < 400) return undefined;
  const header = reply.headers['x-amzn-errortype'];
  if (typeof header === 'string') return shortName(header.split(':')[0]);
  const text = reply.body.toString('utf8');
  const code = /<Code>([^<]+)<\/Code>/.exec(text)?.[1] ?? /"(?:__type|code)"\s*:\s*"([^"]+)"/.exec(text)?.[1];
  return code ? shortName(code) : String(reply.status);
}

function shortName(code: string): string {
  return code.slice(code.lastIndexOf('#') + 1);
}

function xml(status: number, document: string, headers: Record<string, string> = {}): Reply {
  return { status, headers: { 'content-type': 'application/xml', ...headers }, body: Buffer.from(document) };
}

function json(status: number, document: object, headers: Record<string, string>): Reply {
  return { status, headers, body: Buffer.from(JSON.stringify(document)) };
}
