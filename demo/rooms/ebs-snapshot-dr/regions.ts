import { join } from 'node:path';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { RECOVERY_REGION, RECOVERY_STACK, SOURCE_REGION, SOURCE_STACK } from './stack';
import { FunctionClock } from '../../../test/kit/dispatch/function-clock';
import { DisasterRecoveryFakes } from '../../../test/kit/fakes';
import { Ec2Model, VirtualClock } from '../../../test/kit/fakes/ec2';
import { LambdaHost, mintAccessKey, type LambdaFunctionSpec } from '../../../test/kit/lambda-host';
import { TruthProxy } from '../../../test/kit/truth-proxy';
import type { DemoWorld } from '../../room';

const ASSETS = join(__dirname, '../../../assets/ebs-snapshot-dr');
const FUNCTIONS = {
  Snapshot: { stack: SOURCE_STACK, entry: 'snapshot' },
  Prune: { stack: SOURCE_STACK, entry: 'plan-prune' },
  Copy: { stack: RECOVERY_STACK, entry: 'copy' },
  Watch: { stack: RECOVERY_STACK, entry: 'watch' },
  SitePrune: { stack: RECOVERY_STACK, entry: 'site-prune' },
  Sync: { stack: RECOVERY_STACK, entry: 'sync' },
  Restore: { stack: RECOVERY_STACK, entry: 'restore' },
} as const;
export type Verb = keyof typeof FUNCTIONS;

export const ACCOUNT = '123456789012';
export const SOURCE = { account: ACCOUNT, region: SOURCE_REGION };

/** A line of a function's log. */
export interface LogLine {
  readonly message: string;
  readonly [detail: string]: unknown;
}

export interface Answer {
  readonly payload: unknown;
  readonly lines: readonly LogLine[];
}

/**
 * Both Regions of the deployed stacks on a clock of the demo's. Tables and bucket are the emulator's; EC2, CloudFormation and KMS,
 * which it does not have as AWS has them, are the kit's strict model.
 */
export class Regions {
  public static async start(world: DemoWorld, startedAt: number): Promise<Regions> {
    const clock = new FunctionClock();
    clock.set(startedAt);
    const model = new Ec2Model({ seed: 7, clock: new VirtualClock(startedAt) });
    model.addKey({ account: ACCOUNT, region: RECOVERY_REGION, arn: world.outputsOf(RECOVERY_STACK).KeyArn });
    const s3 = new S3Client({ ...world.client, region: RECOVERY_REGION, forcePathStyle: true });
    const fakes = new DisasterRecoveryFakes({ model, now: clock.now, readTemplate: (url) => readTemplate(s3, url) });
    const proxy = await TruthProxy.start({ upstream: world.client.endpoint, fakes: fakes.services, now: clock.now });
    const host = await LambdaHost.start({ endpoint: proxy.endpoint, now: clock.now });
    const regions = new Regions(model, clock, proxy, host);
    for (const verb of Object.keys(FUNCTIONS) as Verb[]) await regions.register(world, verb);
    return regions;
  }

  private readonly names = new Map<Verb, string>();
  private readonly roles = new Map<Verb, string>();
  private readonly work = new Map<Verb, number>();

  private constructor(
    public readonly model: Ec2Model, private readonly clock: FunctionClock, private readonly proxy: TruthProxy, private readonly host: LambdaHost,
  ) {}

  public set now(time: number) {
    this.clock.set(time);
    this.model.clock.advanceTo(time);
  }

  public async invoke(verb: Verb, event: unknown = {}): Promise<Answer> {
    const begun = performance.now();
    const { error, kind, logs, payload } = await this.host.invoke(this.names.get(verb)!, event);
    this.work.set(verb, (this.work.get(verb) ?? 0) + performance.now() - begun);
    if (kind !== 'ok') throw new Error(`${verb} must end well, got ${kind}: ${error?.errorMessage ?? logs.slice(-500)}`);
    const lines = logs.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);
    return { payload, lines };
  }

  public roleOf(verb: Verb): string {
    return this.roles.get(verb)!;
  }

  public workOf(...verbs: Verb[]): number {
    return verbs.reduce((sum, verb) => sum + (this.work.get(verb) ?? 0), 0);
  }

  public async stop(): Promise<void> {
    await this.host.stop();
    await this.proxy.stop();
    this.clock.close();
  }

  /** As deployed, but for the address of AWS. */
  private async register(world: DemoWorld, verb: Verb): Promise<void> {
    const { entry, stack } = FUNCTIONS[verb];
    const region = stack === SOURCE_STACK ? SOURCE_REGION : RECOVERY_REGION;
    const lambda = new LambdaClient({ ...world.client, region });
    const name = world.outputsOf(stack)[verb];
    const found = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
    lambda.destroy();
    const accessKeyId = mintAccessKey(found.FunctionArn!);
    this.proxy.mapPrincipal(accessKeyId, found.Role!);
    this.host.register({
      name,
      arn: found.FunctionArn!,
      code: join(ASSETS, entry),
      handler: found.Handler!,
      runtime: found.Runtime as LambdaFunctionSpec['runtime'],
      timeoutSeconds: found.Timeout!,
      memoryMb: found.MemorySize!,
      credentials: { accessKeyId, secretAccessKey: 'minted' },
      environment: { ...found.Environment!.Variables, ...this.clock.environment },
    });
    this.names.set(verb, name);
    this.roles.set(verb, found.Role!.split('/').pop()!.replace(`${stack}-`, '').replace(/-[0-9A-F]+$/, ''));
  }
}

async function readTemplate(s3: S3Client, url: string): Promise<string> {
  const { hostname, pathname, searchParams } = new URL(url);
  const { Body } = await s3.send(new GetObjectCommand({
    Bucket: hostname.split('.')[0], Key: decodeURIComponent(pathname.slice(1)), VersionId: searchParams.get('versionId') ?? undefined,
  }));
  return Body!.transformToString();
}
