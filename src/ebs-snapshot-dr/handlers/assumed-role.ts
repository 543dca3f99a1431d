import { AssumeRoleCommand, type STSClient } from '@aws-sdk/client-sts';
import { readerExternalId } from '../contract';

export interface TemporaryCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

/** Credentials of a plan's role in another account; the SDK's clients ask anew shortly before they expire. */
export function assumedRole(sts: Pick<STSClient, 'send'>, role: string, plan: string): () => Promise<TemporaryCredentials> {
  return async () => {
    const { Credentials: found } = await sts.send(new AssumeRoleCommand({ RoleArn: role, RoleSessionName: 'ebs-snapshot-dr', ExternalId: readerExternalId(plan) }));
    return {
      accessKeyId: found!.AccessKeyId!,
      secretAccessKey: found!.SecretAccessKey!,
      sessionToken: found!.SessionToken!,
      expiration: found!.Expiration!,
    };
  };
}
