/** What would fail, lose or cost unseen at run time, said at synth. Silent about what is known only at deployment. */
import { Annotations, Duration, IResource, Stack, Token } from 'aws-cdk-lib';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { IConstruct } from 'constructs';
import { FilterPattern, Ordering, TargetKind } from './contract';
import { FanOutAggregation, FanOutFilterPlacement } from './fan-out-modes';
import { whyNotInMapping } from './mapping-filter';
import { StreamFacts } from './source-stream';
import { KIB, MIB, ObjectKeys, Target } from './targets/target';

/** What one shard serves to all its shared readers. */
const READ = { mebibytes: 2, calls: 5 } as const;
/** Lambda polls each shard once a second, and faster when it is behind. */
const COMFORTABLE_READERS = 3;
/** A batch of the mapping, in which records are base64. */
const LAMBDA_RECORD_BYTES = Math.floor(6 * MIB * 3 / 4);

/** Readers of the stream: those of the fan-out and others. */
export interface Readers {
  readonly shared: number;
  /** Fraction of a shard's write capacity that is in use. */
  readonly utilisation: number;
}

/** Whether all these readers may share, as `FanOutReader.AUTO` decides it. */
export function mayShare({ shared, utilisation }: Readers): boolean {
  return shared <= COMFORTABLE_READERS && !(shared * utilisation > READ.mebibytes);
}

export function guardReaders(scope: IConstruct, { shared, utilisation }: Readers): void {
  if (Token.isUnresolved(shared) || Token.isUnresolved(utilisation)) return;
  const megabytes = shared * utilisation;
  if (shared > READ.calls || megabytes > READ.mebibytes) {
    throw new Error(`shared readers of the stream must be at most ${READ.calls} and read at most ${READ.mebibytes} MB/s per shard together, `
      + `got ${shared} that read ${megabytes} MB/s; use FanOutReader.DEDICATED or AUTO, or correct 'foreignReaders' and 'expectedUtilisation'`);
  }
  if (shared > COMFORTABLE_READERS) {
    warn(scope, 'sharedReaders', `more than ${COMFORTABLE_READERS} readers share the stream, which leaves no room for catching up: `
      + 'reads are throttled when they are behind; use FanOutReader.DEDICATED or AUTO');
  }
}

export function guardConsumers(scope: IConstruct, dedicated: number): void {
  if (dedicated > 20) {
    warn(scope, 'dedicatedReaders', 'more than 20 dedicated readers, which only a stream in mode On-demand Advantage takes; use FanOutReader.SHARED for some');
  }
}

/** The replay function knows all functions by name, in a variable. */
const MAX_DESTINATIONS = 25;

export function guardNumber(destinations: number): void {
  if (destinations > MAX_DESTINATIONS) {
    throw new Error(`a fan-out must have at most ${MAX_DESTINATIONS} destinations, got ${destinations}; a stream has room for about as many readers`);
  }
}

export function guardLoop(id: string, source: kinesis.IStream, { stream }: Target): void {
  if (!stream) return;
  const [arn, other] = [source, stream].map(({ streamArn }) => JSON.stringify(Stack.of(source).resolve(streamArn)));
  if (arn === other) throw new Error(`destination '${id}' must be another stream than the source, got the source: its records would come again for ever`);
}

/** What is read or called has to be where the functions are. */
export function guardRegion(scope: IConstruct, name: string, resource?: IResource, arn?: string): void {
  const { region } = Stack.of(scope);
  const there = placeOf(resource, arn)?.region;
  if (there === undefined || Token.isUnresolved(region) || region === there) return;
  throw new Error(`${name} must be in the fan-out's Region ${region}, got one in ${there}: mappings and functions work in their own Region only`);
}

/** What the APIs know by a name of the caller's own account, and mean that. */
const CALLED_BY_NAME: readonly TargetKind[] = ['dynamodb', 'eventbridge', 'firehose', 'kinesis'];

export function guardAccount(scope: IConstruct, id: string, { kind, resource, arn }: Target): void {
  const { account } = Stack.of(scope);
  const there = placeOf(resource, arn)?.account;
  if (!CALLED_BY_NAME.includes(kind) || there === undefined || Token.isUnresolved(account) || account === there) return;
  throw new Error(`destination '${id}' (${kind}) must be in the fan-out's account ${account}, got one in ${there}: it is called by its name; `
    + 'deliver to a queue, topic, bucket or function there');
}

/** As far as known at synth. Not every imported resource takes it from its ARN, so the ARN goes first. */
function placeOf(resource: IResource | undefined, arn = ''): { readonly region?: string; readonly account?: string } | undefined {
  const [region, account] = Token.isUnresolved(arn) ? [] : arn.split(':').slice(3);
  const known = (value?: string) => value === undefined || Token.isUnresolved(value) ? undefined : value;
  return resource && { region: known(region || resource.env.region), account: known(account || resource.env.account) };
}

/** An object that is there already counts as delivered: of two destinations with equal keys, one would never get its own. */
export function guardOverlap(scope: IConstruct, id: string, target: Target, others: Readonly<Record<string, Target>>): void {
  const bucketOf = ({ arn }: Target) => JSON.stringify(Stack.of(scope).resolve(arn));
  const isSame = (other: Target) => mayShareKeys(target.objectKeys, other.objectKeys) && bucketOf(target) === bucketOf(other);
  const other = Object.keys(others).find((name) => isSame(others[name]));
  if (other !== undefined) {
    throw new Error(`destination '${id}' must have a prefix of its own, got bucket and prefix of destination '${other}': `
      + "one would take the other's objects for its own");
  }
}

function mayShareKeys(one?: ObjectKeys, other?: ObjectKeys): boolean {
  if (!one || !other) return false;
  const holds = (outer: ObjectKeys, inner: ObjectKeys) => outer.sorted && inner.prefix.startsWith(outer.prefix);
  return one.prefix === other.prefix || holds(one, other) || holds(other, one);
}

/** Whether the filter goes into the mapping. */
export function placeFilter(
  id: string, patterns: readonly FilterPattern[], aggregation: FanOutAggregation, placement: FanOutFilterPlacement,
): boolean {
  if (patterns.length === 0 || placement === FanOutFilterPlacement.FUNCTION) return false;
  const obstacle = aggregation === FanOutAggregation.NONE
    ? whyNotInMapping(patterns)
    : AGGREGATES_LOST;
  if (obstacle === undefined) return true;
  if (placement === FanOutFilterPlacement.AUTO) return false;
  throw new Error(`'filterPlacement' of destination '${id}' must be AUTO or FUNCTION, got MAPPING: ${obstacle}`
    + (aggregation === FanOutAggregation.NONE ? '' : "; if producers never aggregate, say so by 'aggregation: FanOutAggregation.NONE'"));
}

/** A filter may also be set on the mapping's CloudFormation resource, past all options. */
export function guardMappingFilter(mapping: lambda.EventSourceMapping, id: string, aggregation: FanOutAggregation): void {
  if (aggregation === FanOutAggregation.NONE) return;
  mapping.node.addValidation({
    validate: () => (mapping.node.defaultChild as lambda.CfnEventSourceMapping).filterCriteria === undefined ? [] : [
      `the mapping of destination '${id}' must have no filter criteria unless producers never aggregate, got some: ${AGGREGATES_LOST}; `
      + "use the option 'filter', or say 'aggregation: FanOutAggregation.NONE'",
    ],
  });
}

const AGGREGATES_LOST = 'a mapping filters aggregates without looking inside, so records would be lost';

export function guardParallelization(scope: IConstruct, id: string, factor: number, aggregation: FanOutAggregation, ordering: Ordering): void {
  if (Token.isUnresolved(factor) || factor === 1) return;
  if (ordering === 'per-shard') {
    throw new Error(`'parallelizationFactor' of destination '${id}' must be 1 with FanOutOrdering.PER_SHARD, got ${factor}: `
      + 'parallel batches of a shard keep the order of partition keys only; leave it out, or add shards');
  }
  if (aggregation === FanOutAggregation.KPL) {
    throw new Error(`'parallelizationFactor' of destination '${id}' must be 1 with FanOutAggregation.KPL, got ${factor}: `
      + 'all aggregates have one partition key, so nothing runs in parallel, and records sent alone overtake those in aggregates; add shards instead');
  }
  if (aggregation === FanOutAggregation.UNKNOWN && ordering === 'per-key') {
    warn(scope, 'parallelization', `'parallelizationFactor' of destination '${id}' is ${factor}: if producers aggregate, order is lost and nothing `
      + "gained; if they never do, say so by 'aggregation: FanOutAggregation.NONE'");
  }
}

export function guardDistribution(id: string, { unordered }: StreamFacts, ordering: Ordering): void {
  if (unordered && ordering !== 'none') {
    throw new Error(`'ordering' of destination '${id}' must be FanOutOrdering.NONE, got ${nameOf(ordering)}: `
      + 'the stream distributes records by AUTO, without regard to partition keys; use NONE, or a stream that distributes by partition key');
  }
}

export function guardKinesisOnly({ ofTable }: StreamFacts): void {
  if (ofTable) {
    throw new Error("'stream' must be a Kinesis data stream, got the change stream of a DynamoDB table, which throttles more than 2 readers per shard; "
      + "let the table write to a Kinesis stream by its property 'kinesisStream'");
  }
}

export function guardRecordAge(maxRecordAge: Duration, { retention }: StreamFacts): void {
  if (retention && maxRecordAge.toSeconds() >= retention.toSeconds()) {
    throw new Error(`'maxRecordAge' must be less than the stream's retention of ${retention.toHours({ integral: false })} hours, got `
      + `${maxRecordAge.toHours({ integral: false })} hours: records would vanish before they reach the failure bucket; shorten it, or prolong the retention`);
  }
}

export function guardPackSize(id: string, bytes: number, { kind, maxEntryBytes, sizeRemedy }: Target): void {
  if (bytes <= maxEntryBytes) return;
  throw new Error(`'maxSize' of the packing of destination '${id}' must be at most the ${maxEntryBytes} bytes that ${kind} takes, got ${bytes}`
    + `; use less${sizeRemedy ? ` or ${sizeRemedy}` : ''}`);
}

/** Only a stream whose maximum was raised is warned about: what fits the usual 1 MiB and is refused, is quarantined. */
export function guardRecordSize(
  scope: IConstruct, id: string, { maxRecordBytes: most }: StreamFacts, { kind, maxEntryBytes, sizeRemedy }: Target,
): void {
  if (most === undefined || most <= MIB) return;
  if (most > maxEntryBytes) {
    warn(scope, 'recordSize', `the stream takes records of ${most / KIB} KiB, destination '${id}' (${kind}) of ${Math.floor(maxEntryBytes / KIB)} KiB: `
      + `larger ones are quarantined; keep them out by a filter${sizeRemedy ? ` or ${sizeRemedy}` : ''}`);
  }
}

export function guardInvocation(scope: IConstruct, { maxRecordBytes: most = 0 }: StreamFacts): void {
  if (most > LAMBDA_RECORD_BYTES) {
    warn(scope, 'invocation', `the stream takes records of ${most / KIB} KiB, Lambda can be invoked with ${LAMBDA_RECORD_BYTES / KIB} KiB: `
      + 'a larger one may never reach a destination and end in the failure bucket or nowhere; lower the maximum of the stream');
  }
}

/** Nothing that is known only at deployment may stand in the settings: their JSON would hold a placeholder. */
export function guardKnown(id: string, value: unknown, path: readonly string[] = []): void {
  if (typeof value === 'object' && value !== null && !Token.isUnresolved(value)) {
    for (const [name, inner] of Object.entries(value)) {
      guardKnown(id, name, path);
      guardKnown(id, inner, [...path, name]);
    }
  } else if (Token.isUnresolved(value)) {
    throw new Error(`'${path.join('.')}' of destination '${id}' must be known at synth, got a token`);
  }
}

export function nameOf(ordering: Ordering): string {
  return ordering.toUpperCase().replace('-', '_');
}

/** Once, though several destinations may give the same reason. */
function warn(scope: IConstruct, rule: string, message: string): void {
  if (scope.node.metadata.some(({ data }) => typeof data === 'string' && data.startsWith(message))) return;
  Annotations.of(scope).addWarningV2(`cdk-lambda-blueprints:kinesisFanOut.${rule}`, message);
}
