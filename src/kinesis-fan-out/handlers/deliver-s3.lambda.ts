import { deliver } from './deliver';
import { S3Sender } from './send-s3';

export const handler = deliver('s3', (context) => new S3Sender(context));
