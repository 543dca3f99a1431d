/**
 * Deploys the example app with the CDK CLI onto the embedded emulator, feeds every room with real input and writes a
 * page that shows what happened. `npx projen demo [files…] [--keep]`; files replace the photographs of the repository.
 */
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { renderPage } from './page';
import type { DemoResult, DemoRoom } from './room';
import { cdkDeploy, DEPLOYER } from '../test/kit/deploy';
import { REGION, startMiniStack } from '../test/kit/emulators';
import { LambdaHost } from '../test/kit/lambda-host';
import { EBS_SNAPSHOT_DR } from './rooms/ebs-snapshot-dr/feed';
import { RECOVERY_REGION } from './rooms/ebs-snapshot-dr/stack';
import { EDGE_REWRITE } from './rooms/edge-rewrite/feed';
import { IMAGE_RESIZE_PIPELINE } from './rooms/image-resize-pipeline/feed';
import { KINESIS_FAN_OUT } from './rooms/kinesis-fan-out/feed';
import { renderTable } from './table';

const ROOMS: readonly DemoRoom[] = [IMAGE_RESIZE_PIPELINE, EDGE_REWRITE, KINESIS_FAN_OUT, EBS_SNAPSHOT_DR];

const OUT = join(__dirname, 'out');
const PAGE = join(OUT, 'index.html');
const INTERRUPTED = 130;

async function main(): Promise<void> {
  const { values: { keep }, positionals } = parseArgs({ allowPositionals: true, options: { keep: { type: 'boolean', default: false } } });
  const files = positionals.map(existingFile);
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });

  const roles = new Map<string, string>();
  say('starting the emulator and the Lambda host');
  const host = await LambdaHost.start({ onFunction: ({ name, role }) => roles.set(name, role.split('/').pop()!) });
  const emulator = await startMiniStack({ lambdaHostUrl: host.url });
  host.endpoint = emulator.origin;
  const stop = async () => {
    await emulator.stop();
    await host.stop();
  };
  // Both have children in process groups of their own, which a Ctrl+C does not reach.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stop().finally(() => process.exit(INTERRUPTED)));
  }
  try {
    say('deploying the example app with the CDK CLI');
    const outputs = await cdkDeploy({ appCommand: 'tsx demo/app.ts', endpoint: emulator.origin, moreRegions: [RECOVERY_REGION] });
    const results: DemoResult[] = [];
    for (const room of ROOMS) {
      results.push(await room.run({
        outputs: outputs[room.stackName],
        outputsOf: (stackName) => outputs[stackName],
        client: { endpoint: emulator.origin, region: REGION, credentials: DEPLOYER },
        files,
        out: OUT,
        invocations: () => host.invocations,
        roleOf: (name) => roles.get(name)?.replace(`${room.stackName}-`, '') ?? '',
        say,
      }));
    }
    finish(results);
    if (keep) {
      say(`the emulator stays up at ${emulator.origin}; end it with Ctrl+C`);
      await new Promise(() => {});
    }
  } finally {
    await stop();
  }
}

function finish(results: readonly DemoResult[]): void {
  writeFileSync(PAGE, renderPage(results.map(({ section }) => section), new Date()));
  console.log(`\n${renderTable(results.flatMap(({ rows }) => rows))}\n`);
  const problems = results.flatMap((result) => result.problems);
  if (problems.length > 0) {
    console.error(`not as expected:\n${problems.map((problem) => `  ${problem}`).join('\n')}\n`);
    process.exitCode = 1;
  }
  console.log(`The page with all pictures: ${relative(process.cwd(), PAGE)}`);
}

/** Arguments are relative to where the command was typed, which projen hands on. */
function existingFile(path: string): string {
  const file = resolve(process.env.INIT_CWD ?? '.', path);
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
    throw new Error(`the demo takes image files, got '${path}'`);
  }
  return file;
}

function say(line: string): void {
  console.log(`› ${line}`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
