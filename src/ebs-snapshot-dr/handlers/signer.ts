import { createHash } from 'node:crypto';
import { type KMSClient, SignCommand } from '@aws-sdk/client-kms';
import type { Signer } from './ports';

export class KmsSigner implements Signer {
  constructor(private readonly key: string, private readonly kms: Pick<KMSClient, 'send'>) {}

  public async sign(bytes: string): Promise<string> {
    const { Signature: signature } = await this.kms.send(new SignCommand({
      KeyId: this.key,
      // A message may have 4,096 bytes only; its digest always fits.
      Message: createHash('sha256').update(bytes).digest(),
      MessageType: 'DIGEST',
      SigningAlgorithm: 'RSASSA_PSS_SHA_256',
    }));
    return Buffer.from(signature!).toString('base64');
  }
}
