import { deliver } from './deliver';
import { FirehoseSender } from './send-firehose';

export const handler = deliver('firehose', (context) => new FirehoseSender(context));
