import type { ServiceTruth } from '.';
import { CLOUDFRONT_LIMITS } from '../../limits/cloudfront';
import { listOf } from '../body';
import type { ServiceError } from '../call';

interface Paths { readonly Quantity?: string; readonly Items?: { readonly Path?: string | string[] } }
interface Batch { readonly InvalidationBatch?: { readonly Paths?: Paths } }

export const cloudfront: ServiceTruth = {
  check: ({ operation, params }) => {
    if (operation !== 'CreateInvalidation') return undefined;
    const { Quantity, Items } = (params.body as Batch).InvalidationBatch?.Paths ?? {};
    const paths = listOf<string>(Items?.Path);
    if (Number(Quantity) !== paths.length) return refuse('InconsistentQuantities', 'The value of Quantity and the size of Items don\'t match.');
    if (!paths.every((path) => path.startsWith('/'))) return refuse('InvalidArgument', 'Your request contains one or more invalid invalidation paths.');
    const wildcards = paths.filter((path) => path.endsWith('*')).length;
    if (wildcards > CLOUDFRONT_LIMITS.invalidationWildcards.value || paths.length - wildcards > CLOUDFRONT_LIMITS.invalidationPaths.value) {
      return refuse('TooManyInvalidationsInProgress', 'You have exceeded the maximum number of allowable InProgress invalidation batch requests, or invalidation objects.');
    }
    return undefined;
  },
};

function refuse(code: string, message: string): ServiceError {
  return { status: 400, code, message };
}
