import type { Context, LambdaFunctionURLEvent, LambdaFunctionURLResult } from 'aws-lambda';
import type { VariantName } from './keys';
import { createPipeline } from './pipeline';
import { TryLater } from './reconcile';
import { answer, BUSY, NOT_FOUND, parseRequest, sent } from './serve';

// Without the right to delete: a request from outside never removes anything.
const pipeline = createPipeline({ mayDelete: false });

/** A variant that is not there yet → made with all its siblings by the same core, stored, and sent or redirected to. */
export async function handler(event: LambdaFunctionURLEvent, context: Context): Promise<LambdaFunctionURLResult> {
  const request = parseRequest(event, pipeline.keys);
  if (request.kind === 'refused') {
    return request.response;
  }
  try {
    return await respond(request.names, event.requestContext.http.method === 'HEAD', context);
  } catch (error) {
    if (error instanceof TryLater) {
      return BUSY;
    }
    pipeline.log.error('request failed', { error: error instanceof Error ? error : String(error) });
    throw error;
  } finally {
    pipeline.metrics.publishStoredMetrics();
  }
}

async function respond(names: readonly VariantName[], headOnly: boolean, context: Context): Promise<LambdaFunctionURLResult> {
  const name = await firstPresent(names);
  if (name === undefined) {
    return NOT_FOUND;
  }
  const outcome = (await pipeline.reconcile(pipeline.keys.source(name.relative), context)).at(-1)!;
  const reply = answer(name, 'manifest' in outcome ? outcome.manifest : undefined, pipeline.recipe);
  if (reply.kind === 'response') {
    return reply.response;
  }
  const { cacheControl } = pipeline.recipe;
  if (headOnly) {
    return sent(reply.variant, undefined, cacheControl);
  }
  const body = await pipeline.destination.readVariant(reply.variant.key);
  return body === undefined ? BUSY : sent(reply.variant, body, cacheControl);
}

async function firstPresent(names: readonly VariantName[]): Promise<VariantName | undefined> {
  for (const name of names) {
    if ((await pipeline.source.look(pipeline.keys.source(name.relative))).kind === 'present') {
      return name;
    }
  }
  return undefined;
}
