import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaultSchedule, type Fault } from './faults';
import { ensureKit, PYTHON } from './setup';

/** A request as it came. */
export interface StubRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Kind of the fault that struck. */
  readonly fault?: string;
}

export interface StubReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A key and a certificate for 127.0.0.1 that is its own authority. */
const CERTIFICATE = `
import datetime, ipaddress, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kit")])
certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
  .serial_number(1).not_valid_before(datetime.datetime(2020, 1, 1)).not_valid_after(datetime.datetime(2100, 1, 1))
  .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
  .add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256()))
open(sys.argv[1] + "/key.pem", "wb").write(key.private_bytes(
  serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
open(sys.argv[1] + "/certificate.pem", "wb").write(certificate.public_bytes(serialization.Encoding.PEM))
`;

/**
 * Somebody's HTTPS API: takes what comes, with the bad days a schedule gives it. Faults are found by operation
 * `https:<METHOD>` and the request's hash, as those of AWS calls are.
 */
export class HttpsStub {
  public static async start(): Promise<HttpsStub> {
    ensureKit();
    const directory = mkdtempSync(join(tmpdir(), 'https-stub-'));
    execFileSync(PYTHON, ['-c', CERTIFICATE, directory]);
    const server = createServer({ key: readFileSync(join(directory, 'key.pem')), cert: readFileSync(join(directory, 'certificate.pem')) });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new HttpsStub(server, directory);
  }

  /** `https://127.0.0.1:<port>` */
  public readonly origin: string;
  /** Variables of a process that is to trust it. */
  public readonly environment: Readonly<Record<string, string>>;
  /** Everything that was taken, in its order: with an answer or without. */
  public readonly received: StubRequest[] = [];
  /** Everything that was asked, refused or not. */
  public readonly asked: StubRequest[] = [];

  private schedule = FaultSchedule.none();
  private counts = new Map<string, number>();
  private late: StubRequest[] = [];

  private constructor(private readonly server: Server, private readonly directory: string) {
    this.origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.environment = { NODE_EXTRA_CA_CERTS: join(directory, 'certificate.pem') };
    server.on('request', (request, response) => void this.serve(request, response));
  }

  /** What it says to a request without a fault: its own refusals. */
  public respond: (request: StubRequest) => StubReply = () => ({ status: 204 });

  /** Told of each request before it is answered. */
  public onAsked: (request: StubRequest) => void = () => {};

  /** Forgets everything; from now on this schedule decides. */
  public begin(schedule = FaultSchedule.none()): void {
    this.schedule = schedule;
    this.counts = new Map();
    for (const list of [this.received, this.asked, this.late]) list.length = 0;
  }

  /** Requests whose connection died arrive after all. */
  public settle(): void {
    this.received.push(...this.late.splice(0));
  }

  public async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    rmSync(this.directory, { recursive: true });
  }

  private async serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const headers = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, String(value)]));
    const request = { method: message.method!, path: message.url!, headers, body: Buffer.concat(chunks) };
    const fault = this.schedule.decide(this.keyOf(request));
    const seen = { ...request, ...fault && { fault: fault.kind } };
    this.asked.push(seen);
    this.onAsked(seen);
    if (fault) this.strike(fault, seen, message, response);
    else this.answer(this.take(seen), response);
  }

  private strike(fault: Fault, request: StubRequest, message: IncomingMessage, response: ServerResponse): void {
    const refuse = (status: number, headers = {}) => this.answer({ status: fault.status ?? status, headers }, response);
    switch (fault.kind) {
      case 'throttle': return refuse(429, { 'retry-after': '1' });
      case 'server-error': return refuse(503);
      case 'access-denied': return refuse(401);
      case 'not-found': return refuse(404);
      case 'hang-before': return;
      case 'hang-after': return void this.take(request);
      case 'reset-before': return void message.socket.destroy();
      case 'late-apply':
        this.late.push(request);
        return void message.socket.destroy();
      case 'reset-after':
        this.take(request);
        return void message.socket.destroy();
      default: throw new Error(`an HTTPS API does not know the fault ${fault.kind}`);
    }
  }

  private take(request: StubRequest): StubReply {
    const reply = this.respond(request);
    if (reply.status < 300) this.received.push(request);
    return reply;
  }

  private answer({ headers, status }: StubReply, response: ServerResponse): void {
    response.writeHead(status, headers).end();
  }

  private keyOf({ body, headers, method, path }: StubRequest) {
    const requestHash = createHash('sha256').update(JSON.stringify([method, path, headers['idempotency-key'] ?? '', body.toString('base64')])).digest('hex');
    return { principal: 'https', service: 'https', operation: method, requestHash, nth: this.count(method), occurrence: this.count(requestHash) };
  }

  private count(name: string): number {
    const count = (this.counts.get(name) ?? 0) + 1;
    this.counts.set(name, count);
    return count;
  }
}
