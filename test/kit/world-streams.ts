import type { Arrival } from './arrivals';
import type { StreamInvoke } from './dispatch/in-process';
import { StreamDispatcher } from './dispatch/stream';
import type { DiscardedBatch } from './dispatch/stream-failure';
import { PLAIN_SERVICE, type StreamPlan } from './dispatch/stream-plan';
import type { Timeline } from './dispatch/timeline';
import { VirtualStream, type VirtualStreamOptions } from './dispatch/virtual-stream';
import type { StreamMappingModel, TemplateModel } from './template';

export interface WorldStreamsOptions {
  readonly model: TemplateModel;
  readonly timeline: Timeline;
  readonly invoke: (plan: StreamPlan, mapping: StreamMappingModel) => StreamInvoke;
  readonly onDiscard: (mapping: StreamMappingModel, batch: DiscardedBatch) => Promise<void>;
  readonly roleOf: (functionArn: string) => string;
}

/** The streams of a world, each with what was put into it, and the mappings that read them. */
export class WorldStreams {
  private streams = new Map<string, VirtualStream>();
  private dispatchers: StreamDispatcher[] = [];

  constructor(private readonly options: WorldStreamsOptions) {}

  /** Empty streams; mappings begin anew. */
  public begin(plan: StreamPlan = PLAIN_SERVICE, shards: Readonly<Record<string, number>> = {}): void {
    const { invoke, model, onDiscard, roleOf, timeline } = this.options;
    this.streams = new Map(model.streams.map((stream) => [stream.arn, this.create({
      arn: stream.arn,
      retentionSeconds: stream.retentionSeconds,
      shards: Object.entries(shards).find(([id]) => stream.logicalId.startsWith(id))?.[1] ?? stream.shards,
    })]));
    this.dispatchers = model.streamMappings.map((mapping) => {
      const arn = mapping.sourceArn.replace(/\/consumer\/.*$/, '');
      if (arn.includes(':dynamodb:')) throw new Error(`streams of tables are read in process only, got ${arn}`);
      // A stream of somebody else: nothing is known but its ARN.
      if (!this.streams.has(arn)) this.streams.set(arn, this.create({ arn }));
      return new StreamDispatcher({
        mapping,
        source: this.streams.get(arn)!,
        timeline,
        plan,
        roleArn: roleOf(mapping.functionArn),
        invoke: invoke(plan, mapping),
        onDiscard: (batch) => onDiscard(mapping, batch),
      });
    });
  }

  public stream(arnOrLogicalId: string): VirtualStream {
    const { model } = this.options;
    const arn = model.streams.find(({ logicalId }) => logicalId.startsWith(arnOrLogicalId))?.arn ?? arnOrLogicalId;
    const found = this.streams.get(arn);
    if (!found) throw new Error(`the template has no stream '${arnOrLogicalId}'`);
    return found;
  }

  /** @param functionArn of the function it invokes */
  public mapping(functionArn: string): StreamDispatcher {
    const found = this.dispatchers.find(({ mapping }) => mapping.functionArn === functionArn);
    if (!found) throw new Error(`no mapping of a stream invokes '${functionArn}'`);
    return found;
  }

  /** What a function sends to a stream can be read from it. */
  public arrived({ body, explicitHashKey, partitionKey, target }: Arrival): void {
    const found = [...this.streams].find(([arn]) => arn.endsWith(`:stream/${target}`));
    found?.[1].put([{ partitionKey: partitionKey!, data: body, explicitHashKey }]);
  }

  /** Findings, none if every record is at an end. */
  public unrest(): string[] {
    return this.dispatchers.flatMap(({ ledger: { open }, mapping: { functionArn, sourceArn } }) => (
      open === 0 ? [] : [`${sourceArn} holds ${open} records for ${functionArn}`]));
  }

  private create(options: Omit<VirtualStreamOptions, 'timeline'>): VirtualStream {
    return new VirtualStream({ ...options, timeline: this.options.timeline });
  }
}
