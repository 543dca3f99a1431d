import { AssumeRoleCommand, type STSClient } from '@aws-sdk/client-sts';
import { readerExternalId } from '../contract';

export interface TemporaryCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

/** The shortest there is: a run has five minutes, and a session that somebody revoked is done with in ten. */
const SESSION_SECONDS = 900;

/** Credentials of a plan's role in another account; the SDK's clients ask anew five minutes before they expire. */
export function assumedRole(sts: Pick<STSClient, 'send'>, role: string, plan: string): () => Promise<TemporaryCredentials> {
  return async () => {
    const { Credentials: found } = await sts.send(new AssumeRoleCommand({
      RoleArn: role, RoleSessionName: 'ebs-snapshot-dr', ExternalId: readerExternalId(plan), DurationSeconds: SESSION_SECONDS,
    }));
    return {
      accessKeyId: found!.AccessKeyId!,
      secretAccessKey: found!.SecretAccessKey!,
      sessionToken: found!.SessionToken!,
      expiration: found!.Expiration!,
    };
  };
}
