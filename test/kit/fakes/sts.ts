import { createHash } from 'node:crypto';
import type { Reply } from '../proxy/call';
import { Refusal, refusing, type FakeService } from '../proxy/fake-service';
import type { IdentifiedCall } from '../proxy/identify';
import { xmlFields } from '../proxy/xml';

export interface FakeStsOptions {
  readonly now: () => number;
  /** By the policies of both sides: the caller's own and the role's trust. */
  readonly mayAssume: (principal: string, role: string, externalId: string | undefined) => boolean;
  /** Who presents this access key from now on acts as the role. */
  readonly onSession: (accessKeyId: string, role: string) => void;
}

/** Of a session, in seconds (AssumeRole API; roles allow an hour unless they say more). */
const MIN_DURATION = 900;
const MAX_DURATION = 3600;

/** AssumeRole, and sessions that end. */
export class FakeSts {
  /** Roles that were taken, in order. */
  public readonly assumed: string[] = [];
  private readonly sessions = new Map<string, number>();

  public readonly service: FakeService = refusing((call, principal) => this.assumeRole(call, principal));

  constructor(private readonly options: FakeStsOptions) {}

  /** What services do with a session's credentials. @throws if they are no longer good */
  public check({ accessKeyId = '' }: Pick<IdentifiedCall, 'accessKeyId'>): void {
    const until = this.sessions.get(accessKeyId);
    if (until !== undefined && until <= this.options.now()) throw new Refusal('RequestExpired', 'Request has expired.');
  }

  /** Whoever holds credentials now holds them in vain, whatever end they were promised. */
  public revokeAll(): void {
    for (const key of this.sessions.keys()) this.sessions.set(key, 0);
  }

  private assumeRole({ operation, params }: IdentifiedCall, principal: string): Reply {
    if (operation !== 'AssumeRole') throw new Refusal('InvalidAction', `the fake of STS does not know ${operation}`);
    const { DurationSeconds = MAX_DURATION, ExternalId, RoleArn = '', RoleSessionName = '' } = params.body as Readonly<Record<string, string | undefined>>;
    const seconds = Number(DurationSeconds);
    if (!/^[\w+=,.@-]{2,64}$/.test(RoleSessionName)) throw new Refusal('ValidationError', `RoleSessionName must be 2 to 64 characters, got '${RoleSessionName}'`);
    if (!(seconds >= MIN_DURATION && seconds <= MAX_DURATION)) throw new Refusal('ValidationError', `DurationSeconds must be ${MIN_DURATION} to ${MAX_DURATION}, got ${seconds}`);
    if (!this.options.mayAssume(principal, RoleArn, ExternalId)) {
      throw new Refusal('AccessDenied', `User: ${principal} is not authorized to perform: sts:AssumeRole on resource: ${RoleArn}`, 403);
    }
    const accessKeyId = `ASIA${createHash('sha256').update(`${RoleArn} ${this.sessions.size}`).digest('hex').toUpperCase().slice(0, 16)}`;
    const until = this.options.now() + seconds * 1000;
    this.sessions.set(accessKeyId, until);
    this.assumed.push(RoleArn);
    this.options.onSession(accessKeyId, RoleArn);
    const result = xmlFields({
      Credentials: { AccessKeyId: accessKeyId, SecretAccessKey: 'minted', SessionToken: 'session', Expiration: new Date(until).toISOString() },
      AssumedRoleUser: { Arn: RoleArn.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/') + `/${RoleSessionName}`, AssumedRoleId: `AROA:${RoleSessionName}` },
    }, 'member');
    const document = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>${result}</AssumeRoleResult></AssumeRoleResponse>`;
    return { status: 200, headers: { 'content-type': 'text/xml' }, body: Buffer.from(document) };
  }
}
