import { InvokeCommand, LambdaClient, ListEventSourceMappingsCommand, UpdateEventSourceMappingCommand } from '@aws-sdk/client-lambda';
import type { EmulatedStream } from '../../../test/kit/dispatch/emulated-stream';
import type { StreamOutcome } from '../../../test/kit/dispatch/in-process';
import { StreamDispatcher } from '../../../test/kit/dispatch/stream';
import type { Timeline } from '../../../test/kit/dispatch/timeline';

/**
 * The emulator repeats a failed batch as a whole and for ever. So its own mappings rest, and the kit's simulator, which
 * follows the documentation, delivers by the settings that were deployed.
 */
export async function takeOver(lambda: LambdaClient, functionName: string, stream: EmulatedStream, timeline: Timeline): Promise<StreamDispatcher> {
  const { EventSourceMappings: [deployed] = [] } = await lambda.send(new ListEventSourceMappingsCommand({ FunctionName: functionName }));
  await lambda.send(new UpdateEventSourceMappingCommand({ UUID: deployed.UUID, Enabled: false }));
  return new StreamDispatcher({
    mapping: {
      uuid: deployed.UUID!,
      functionArn: deployed.FunctionArn!,
      sourceArn: deployed.EventSourceArn!,
      enabled: true,
      batchSize: deployed.BatchSize!,
      windowSeconds: deployed.MaximumBatchingWindowInSeconds ?? 0,
      parallelizationFactor: deployed.ParallelizationFactor ?? 1,
      startingPosition: 'TRIM_HORIZON',
      bisects: deployed.BisectBatchOnFunctionError ?? false,
      maximumRetryAttempts: deployed.MaximumRetryAttempts ?? -1,
      maximumRecordAgeSeconds: deployed.MaximumRecordAgeInSeconds ?? -1,
      tumblingWindowSeconds: 0,
      reportsBatchItemFailures: deployed.FunctionResponseTypes?.includes('ReportBatchItemFailures') ?? false,
      filters: deployed.FilterCriteria?.Filters?.map(({ Pattern }) => JSON.parse(Pattern!) as unknown) ?? [],
    },
    source: stream,
    timeline,
    invoke: async (_arn, event) => invoke(lambda, functionName, event),
  });
}

export async function invoke(lambda: LambdaClient, functionName: string, event: unknown): Promise<StreamOutcome> {
  const { FunctionError: failed, Payload } = await lambda.send(new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(event) }));
  const payload: unknown = JSON.parse(Buffer.from(Payload!).toString());
  return failed === undefined ? { kind: 'ok', payload } : { kind: 'error', error: payload as { errorType: string; errorMessage: string } };
}
