import { deliver } from './deliver';
import { SnsSender } from './send-sns';

export const handler = deliver('sns', (context) => new SnsSender(context));
