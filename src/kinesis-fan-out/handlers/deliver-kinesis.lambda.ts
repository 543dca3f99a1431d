import { deliver } from './deliver';
import { KinesisSender } from './send-kinesis';

export const handler = deliver('kinesis', (context) => new KinesisSender(context));
