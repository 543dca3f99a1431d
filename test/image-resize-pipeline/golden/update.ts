/** `npx tsx test/image-resize-pipeline/golden/update.ts`: writes outputs.json anew from the bundles. Read the difference before committing it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { goldenOf, runBoth } from './run-asset';

void runBoth().then(([x64, arm64]) => {
  writeFileSync(join(__dirname, 'outputs.json'), `${JSON.stringify(goldenOf(x64, arm64), undefined, 2)}\n`);
});
