import { createHash } from 'node:crypto';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { escapeXml, listOf, parseForm, parseXml } from './body';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | object;
}

/** An obedient stand-in for an emulator: S3 in a map, success for everything else, and a memory of what reached it. */
export class FakeUpstream {
  public static async start(): Promise<FakeUpstream> {
    const fake = new FakeUpstream();
    await new Promise<void>((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  /** `/bucket/key` (decoded) → content. */
  public readonly objects = new Map<string, string>();
  /** Content-Length of HEAD replies that the map cannot hold. */
  public readonly pretendedSizes = new Map<string, number>();
  public seen: SeenRequest[] = [];
  private readonly server = http.createServer((request, response) => this.receive(request, response));
  /** Answers before the defaults do. */
  public respond: (request: SeenRequest) => Answer | undefined = () => undefined;

  public get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  public async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  private receive(request: http.IncomingMessage, response: http.ServerResponse) {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const seen = { method: request.method!, url: request.url!, headers: request.headers, body: Buffer.concat(chunks).toString('utf8') };
      this.seen.push(seen);
      const { status = 200, headers = {}, body = '' } = this.respond(seen) ?? this.answer(seen);
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  }

  private answer(request: SeenRequest): Answer {
    const target = request.headers['x-amz-target'];
    if (typeof target === 'string') return { headers: { 'content-type': 'application/x-amz-json-1.0' }, body: jsonSuccess(target.split('.')[1], JSON.parse(request.body)) };
    if (request.body.includes('Action=')) return { headers: { 'content-type': 'text/xml' }, body: querySuccess(parseForm(request.body)) };
    return SIGNED_FOR_ANOTHER.test(String(request.headers.authorization)) ? {} : this.store(request);
  }

  private store({ method, url, headers, body }: SeenRequest): Answer {
    const [path, query = ''] = url.split('?');
    const name = decodeURIComponent(path);
    const content = this.objects.get(name);
    if (method === 'GET' && query.includes('list-type=2')) return { headers: XML, body: this.list(name.replace(/\/$/, ''), new URLSearchParams(query)) };
    if (method === 'POST' && query.startsWith('delete')) return { headers: XML, body: this.deleteMany(name.replace(/\/$/, ''), body) };
    if (method === 'PUT' && headers['x-amz-copy-source']) {
      const source = this.objects.get(decodeURIComponent(`/${String(headers['x-amz-copy-source']).replace(/^\//, '')}`)) ?? '';
      this.objects.set(name, source);
      return { headers: XML, body: `<CopyObjectResult><ETag>${escapeXml(etagOf(source))}</ETag></CopyObjectResult>` };
    }
    if (method === 'PUT') {
      this.objects.set(name, body);
      return { headers: { etag: etagOf(body) } };
    }
    if (method === 'DELETE') {
      this.objects.delete(name);
      return { status: 204 };
    }
    if (content === undefined) return { status: 404, headers: XML, body: method === 'HEAD' ? '' : '<Error><Code>NoSuchKey</Code></Error>' };
    return { headers: { 'etag': etagOf(content), 'content-length': String(this.pretendedSizes.get(name) ?? Buffer.byteLength(content)) }, body: method === 'HEAD' ? '' : content };
  }

  private list(bucket: string, query: URLSearchParams): string {
    const size = Number(query.get('max-keys') ?? 1000);
    const from = Number(query.get('continuation-token') ?? 0);
    const keys = [...this.objects.keys()].filter((name) => name.startsWith(`${bucket}/`)).map((name) => name.slice(bucket.length + 1)).sort();
    const page = keys.slice(from, from + size);
    const next = from + size < keys.length ? `<NextContinuationToken>${from + size}</NextContinuationToken>` : '';
    return `<ListBucketResult><KeyCount>${page.length}</KeyCount><IsTruncated>${next !== ''}</IsTruncated>${next}`
      + `${page.map((key) => `<Contents><Key>${escapeXml(key)}</Key></Contents>`).join('')}</ListBucketResult>`;
  }

  private deleteMany(bucket: string, body: string): string {
    const document = parseXml(body) as { readonly Delete: { readonly Object: unknown } };
    const keys = listOf<{ readonly Key: string }>(document.Delete.Object).map(({ Key }) => Key);
    for (const key of keys) this.objects.delete(`${bucket}/${key}`);
    return `<DeleteResult>${keys.map((key) => `<Deleted><Key>${escapeXml(key)}</Key></Deleted>`).join('')}</DeleteResult>`;
  }
}

const SIGNED_FOR_ANOTHER = /Credential=(?![^,]*\/s3\/)/;
const XML = { 'content-type': 'application/xml' };

export function etagOf(content: string): string {
  return `"${createHash('md5').update(content).digest('hex')}"`;
}

interface Batch { readonly Entries?: readonly { readonly Id?: string }[]; readonly Records?: readonly object[] }

function jsonSuccess(operation: string, { Entries = [], Records = [] }: Batch): object {
  switch (operation) {
    case 'SendMessageBatch': return { Successful: Entries.map(({ Id }) => ({ Id, MessageId: `m-${Id}`, MD5OfMessageBody: '' })) };
    case 'PutEvents': return { FailedEntryCount: 0, Entries: Entries.map((_, i) => ({ EventId: `e-${i}` })) };
    case 'PutRecords': return { FailedRecordCount: 0, Records: Records.map((_, i) => ({ SequenceNumber: String(i), ShardId: 'shardId-0' })) };
    case 'PutRecordBatch': return { FailedPutCount: 0, RequestResponses: Records.map((_, i) => ({ RecordId: `r-${i}` })) };
    case 'BatchWriteItem': return { UnprocessedItems: {} };
    case 'BatchGetItem': return { Responses: { t: [] }, UnprocessedKeys: {} };
    default: return {};
  }
}

function querySuccess({ Action, PublishBatchRequestEntries }: Record<string, unknown>): string {
  const entries = listOf<{ readonly Id: string }>(PublishBatchRequestEntries).map(({ Id }) => `<member><Id>${Id}</Id><MessageId>m-${Id}</MessageId></member>`);
  const batch = entries.length > 0 ? `<Successful>${entries.join('')}</Successful><Failed/>` : '<MessageId>m</MessageId>';
  return `<${Action}Response><${Action}Result>${batch}</${Action}Result></${Action}Response>`;
}
