import { Aws } from 'aws-cdk-lib';

/** A key only for what one service does on the principal's behalf, whatever the domain of its Region. */
export function viaService(service: string): Record<string, Record<string, unknown>> {
  return { StringLike: { 'kms:ViaService': `${service}.${Aws.REGION}.*` } };
}
