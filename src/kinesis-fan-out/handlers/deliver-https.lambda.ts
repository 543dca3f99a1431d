import { deliver } from './deliver';
import { HttpsSender } from './send-https';

export const handler = deliver('https', (context) => new HttpsSender(context));
