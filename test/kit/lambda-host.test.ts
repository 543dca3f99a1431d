import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DoorFunction, LambdaHost, type LambdaFunctionSpec, MAX_RESPONSE_BYTES } from './lambda-host';
import { MemoryGroup } from './memory-group';

const ENDPOINT = 'http://127.0.0.1:9';
let host: LambdaHost;
let scratch: string;
const met: DoorFunction[] = [];

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'lambda-host-test-'));
  host = await LambdaHost.start({ endpoint: ENDPOINT, onFunction: (fn) => met.push(fn) });
});

afterAll(async () => {
  await host?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

let count = 0;
/** Registers a function with this source and returns its name. */
function given(source: string, overrides: Partial<LambdaFunctionSpec> = {}): string {
  const name = `fn-${++count}`;
  const code = join(scratch, name);
  mkdirSync(code);
  writeFileSync(join(code, 'index.mjs'), source);
  host.register(specOf(name, code, overrides));
  return name;
}

function specOf(name: string, code: string, overrides: Partial<LambdaFunctionSpec> = {}): LambdaFunctionSpec {
  return {
    name,
    arn: `arn:aws:lambda:eu-west-1:123456789012:function:${name}`,
    code,
    handler: 'index.handler',
    timeoutSeconds: 10,
    memoryMb: 128,
    environment: {},
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' },
    ...overrides,
  };
}

describe('a function sees what Lambda shows it', () => {
  test('event, context and variables, and nothing of the machine', async () => {
    const name = given(`
      export const handler = async (event, context) => ({
        event, requestId: context.awsRequestId, arn: context.invokedFunctionArn, memory: context.memoryLimitInMB,
        remaining: context.getRemainingTimeInMillis(), env: process.env, cwd: process.cwd(), node: process.version,
      });
    `, { environment: { TABLE: 'things', EMPTY: '', QUEUE: 'https://sqs.eu-west-1.amazonaws.com/123456789012/q' } });
    process.env.AWS_PROFILE = 'leak';
    const outcome = await host.invoke(name, { grün: '+' }, { requestId: 'r-1' });
    delete process.env.AWS_PROFILE;
    expect(outcome).toMatchObject({ kind: 'ok', coldStart: true, requestId: 'r-1' });
    const seen = outcome.payload as { remaining: number; env: Record<string, string>; cwd: string; node: string };
    expect(seen).toMatchObject({
      event: { grün: '+' }, requestId: 'r-1', arn: `arn:aws:lambda:eu-west-1:123456789012:function:${name}`, memory: '128',
    });
    expect(seen.remaining).toBeGreaterThan(0);
    expect(seen.remaining).toBeLessThanOrEqual(10_000);
    expect(seen.node).toMatch(/^v24\./);
    expect(seen.env).toMatchObject({
      TABLE: 'things',
      EMPTY: '',
      QUEUE: `${ENDPOINT}/123456789012/q`,
      AWS_ENDPOINT_URL: ENDPOINT,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'AKIATEST',
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      LAMBDA_TASK_ROOT: seen.cwd,
      TZ: ':UTC',
      LANG: 'en_US.UTF-8',
    });
    expect(Object.keys(seen.env)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(HOME|AWS_PROFILE|NODE_PATH|NODE_OPTIONS)$/)]));
  });

  test.each([['nodejs22.x', /^v22\./], ['nodejs24.x', /^v24\./]] as const)('%s', async (runtime, version) => {
    const name = given('export const handler = async () => process.version;', { runtime });
    expect((await host.invoke(name, {})).payload).toMatch(version);
  });

  test('with and without the flags of the runtime client\'s tests', async () => {
    const source = 'import{createRequire as r}from\'node:module\';const require=r(import.meta.url);\n' +
      'const { join } = require("node:path"); const late = await Promise.resolve("late"); export const handler = async () => join("a", late);';
    for (const nodeFlags of [undefined, []]) {
      expect(await host.invoke(given(source, { nodeFlags }), {})).toMatchObject({ kind: 'ok', payload: 'a/late' });
    }
  });

  test('no module of the repository: what the bundle lacks is missing', async () => {
    const outcome = await host.invoke(given('import "aws-cdk-lib"; export const handler = async () => 1;'), {});
    expect(outcome).toMatchObject({ kind: 'init-error', error: { errorMessage: expect.stringContaining('aws-cdk-lib') } });
  });

  test('its logs belong to the invocation that wrote them', async () => {
    const name = given('console.log("init"); export const handler = async (event) => { console.log("event", event.n); console.error("oops"); };');
    const first = await host.invoke(name, { n: 1 });
    const second = await host.invoke(name, { n: 2 });
    expect(first.logs).toMatch(/init[\s\S]*event 1[\s\S]*oops/);
    expect(second.logs).toMatch(/event 2[\s\S]*oops/);
    expect(second.logs).not.toMatch(/init|event 1/);
  });
});

describe('environments', () => {
  const COUNTER = 'let n = 0; export const handler = async (event) => { await new Promise((r) => setTimeout(r, event.ms ?? 0)); return [process.pid, ++n]; };';

  test('are reused when idle, one event at a time', async () => {
    const name = given(COUNTER);
    const first = await host.invoke(name, {});
    const second = await host.invoke(name, {});
    expect(first).toMatchObject({ coldStart: true, payload: [expect.any(Number), 1] });
    expect(second).toMatchObject({ coldStart: false, payload: [(first.payload as number[])[0], 2] });
  });

  test('work side by side when all are busy', async () => {
    const name = given(COUNTER);
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => host.invoke(name, { ms: 100 })));
    expect(new Set(outcomes.map((outcome) => (outcome.payload as number[])[0])).size).toBe(4);
    expect(outcomes.map((outcome) => outcome.coldStart)).toEqual([true, true, true, true]);
  });

  test('are fresh after recycle, code change, kill', async () => {
    const name = given(COUNTER);
    const pids = [await pidOf(name)];
    host.recycle(name);
    pids.push(await pidOf(name));
    writeFileSync(join(scratch, name, 'index.mjs'), `${COUNTER} // changed`);
    host.register(specOf(name, join(scratch, name)));
    pids.push(await pidOf(name));
    host.register(specOf(name, join(scratch, name)));
    expect(await pidOf(name)).toBe(pids[2]);
    const running = host.invoke(name, { ms: 60_000 });
    host.killRunning(name);
    expect(await running).toMatchObject({ kind: 'killed', error: { errorType: 'Runtime.ExitError' } });
    pids.push(await pidOf(name));
    expect(new Set(pids).size).toBe(4);
  });

  test('retired in mid-run end their event first', async () => {
    const name = given(COUNTER);
    const running = host.invoke(name, { ms: 200 });
    await new Promise((resolve) => setImmediate(resolve));
    host.recycle(name);
    expect(await running).toMatchObject({ kind: 'ok' });
    expect(await host.invoke(name, {})).toMatchObject({ kind: 'ok', coldStart: true, payload: [expect.any(Number), 1] });
  });

  async function pidOf(name: string): Promise<number> {
    return ((await host.invoke(name, {})).payload as number[])[0];
  }
});

describe('what goes wrong is told as Lambda tells it', () => {
  test.each<[string, string, object, Partial<LambdaFunctionSpec>?]>([
    ['a throw', 'export const handler = async () => { throw new RangeError("too far"); };',
      { kind: 'error', error: { errorType: 'RangeError', errorMessage: 'too far', trace: expect.any(Array) } }],
    ['a hang', 'export const handler = () => new Promise((r) => setTimeout(r, 60_000));',
      { kind: 'timeout', error: { errorType: 'Sandbox.Timedout', errorMessage: expect.stringContaining('Task timed out after 1.00 seconds') } }, { timeoutSeconds: 1 }],
    ['a busy loop', 'export const handler = async () => { for (;;); };', { kind: 'timeout' }, { timeoutSeconds: 1 }],
    ['an exit', 'export const handler = async () => process.exit(3);',
      { kind: 'crash', error: { errorType: 'Runtime.ExitError', errorMessage: expect.stringContaining('exit status 3') } }],
    ['a kill from outside', 'export const handler = async () => process.kill(process.pid, "SIGKILL");',
      { kind: 'crash', error: { errorType: 'Runtime.ExitError', errorMessage: expect.stringContaining('signal: killed') } }],
    ['an unhandled rejection', 'export const handler = async () => { Promise.reject(new Error("lost")); await new Promise((r) => setTimeout(r, 5_000)); };',
      { kind: 'crash', error: { errorType: 'Runtime.ExitError', errorMessage: expect.stringContaining('exit status 1') }, logs: expect.stringContaining('lost') }],
    ['a throw at init', 'throw new TypeError("no TABLE");', { kind: 'init-error', error: { errorType: 'TypeError', errorMessage: 'no TABLE' } }],
    ['an exit at init', 'process.exit(1);', { kind: 'init-error', error: { errorType: 'Runtime.ExitError' } }],
    ['a missing export', 'export const other = 1;', { kind: 'init-error', error: { errorType: 'Runtime.HandlerNotFound' } }],
    ['a callback handler', 'export const handler = (event, context, callback) => callback(null, 1);',
      { kind: 'init-error', error: { errorType: 'Runtime.CallbackHandlerDeprecated' } }],
    ['a result that is not JSON', 'export const handler = async () => 1n;', { kind: 'error', error: { errorType: expect.stringContaining('JSONStringifyError') } }],
  ])('%s', async (_, source, expected, overrides = {}) => {
    const name = given(source, overrides);
    expect(await host.invoke(name, {})).toMatchObject(expected);
  });

  test('an init that takes too long', async () => {
    const impatient = await LambdaHost.start({ endpoint: ENDPOINT, initTimeoutMs: 300 });
    const code = join(scratch, 'slow-init');
    mkdirSync(code);
    writeFileSync(join(code, 'index.mjs'), 'await new Promise((r) => setTimeout(r, 60_000)); export const handler = async () => 1;');
    impatient.register(specOf('slow-init', code));
    expect(await impatient.invoke('slow-init', {})).toMatchObject({ kind: 'init-error', error: { errorType: 'Sandbox.Timedout' } });
    await impatient.stop();
  });

  test('a response over the limit, while the largest allowed one passes', async () => {
    const name = given('export const handler = async ({ bytes }) => "x".repeat(bytes - 2);');
    expect(await host.invoke(name, { bytes: MAX_RESPONSE_BYTES })).toMatchObject({ kind: 'ok' });
    const refused = await host.invoke(name, { bytes: MAX_RESPONSE_BYTES + 1 });
    expect(refused).toMatchObject({ kind: 'response-too-large', coldStart: false, error: { errorType: 'Function.ResponseSizeTooLarge' } });
    expect(refused.payload).toBeUndefined();
  });

  test('a request over the limit', async () => {
    const name = given('export const handler = async () => 1;');
    await expect(host.invoke(name, 'x'.repeat(6 * 1024 * 1024))).rejects.toThrow(`the request of '${name}' must be at most 6291456 bytes, got 6291458`);
  });

  test('an unknown function', async () => {
    await expect(host.invoke('nobody', {})).rejects.toThrow('no function \'nobody\' registered');
  });

  test('a variable that leads to real AWS', () => {
    expect(() => given('', { environment: { API: 'https://abc.execute-api.eu-west-1.amazonaws.com/prod' } }))
      .toThrow('variable \'API\' of \'fn-');
  });

  test('more memory than it has', async () => {
    if (!MemoryGroup.available()) {
      expect(() => new MemoryGroup(128)).toThrow('a memory limit needs a writable cgroup');
      return;
    }
    const name = given('export const handler = async ({ mb }) => Buffer.alloc(mb * 1024 * 1024, 1).length;', { memoryLimit: true, memoryMb: 256 });
    expect(await host.invoke(name, { mb: 64 })).toMatchObject({ kind: 'ok', payload: 64 * 1024 * 1024 });
    expect(await host.invoke(name, { mb: 512 })).toMatchObject({ kind: 'crash', error: { errorMessage: expect.stringContaining('signal: killed') } });
    expect(await host.invoke(name, { mb: 64 })).toMatchObject({ kind: 'ok', coldStart: true });
  });
});

describe('the control door', () => {
  const config = {
    FunctionName: 'door',
    FunctionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:door',
    Role: 'arn:aws:iam::123456789012:role/door',
    Handler: 'index.handler',
    Runtime: 'nodejs24.x',
    Timeout: 5,
    MemorySize: 128,
    Environment: { Variables: { A: 'b' } },
  };

  test('runs a function an emulator knows, with a key of its own', async () => {
    const code = join(scratch, 'door');
    mkdirSync(code);
    writeFileSync(join(code, 'index.mjs'), 'export const handler = async (event) => [event, process.env.A, process.env.AWS_ACCESS_KEY_ID];');
    const outcomes = [await post({ function: config, code, event: 1, requestId: 'one' }), await post({ function: config, code, event: 2 })];
    expect(met).toEqual([{ name: 'door', arn: config.FunctionArn, role: config.Role, accessKeyId: expect.stringMatching(/^AKIA[0-9A-F]{16}$/) }]);
    expect(outcomes[0]).toMatchObject({ kind: 'ok', payload: [1, 'b', met[0].accessKeyId], coldStart: true, requestId: 'one' });
    expect(outcomes[1]).toMatchObject({ kind: 'ok', payload: [2, 'b', met[0].accessKeyId], coldStart: false });
    expect(host.invocations.slice(-2).map(({ name, event }) => [name, event])).toEqual([['door', 1], ['door', 2]]);
    expect(host.inFlight).toBe(0);
  });

  test('refuses what it does not know', async () => {
    const response = await fetch(host.url);
    expect([response.status, await response.json()]).toEqual([400, { message: 'the control door knows POST /invoke, got GET /' }]);
  });

  async function post(body: object): Promise<unknown> {
    return (await fetch(`${host.url}/invoke`, { method: 'POST', body: JSON.stringify(body) })).json();
  }
});

test('stop leaves no process and no file', async () => {
  const short = await LambdaHost.start({ endpoint: ENDPOINT });
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith('lambda-host-'));
  const code = join(scratch, 'spawner');
  mkdirSync(code);
  // The grandchild must fall with its process group.
  writeFileSync(join(code, 'index.mjs'), `
    import { spawn } from 'node:child_process';
    export const handler = async () => spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' }).pid;
  `);
  short.register(specOf('spawner', code));
  const { payload } = await short.invoke('spawner', {});
  expect(isRunning(payload as number)).toBe(true);
  await short.stop();
  for (let i = 0; i < 100 && isRunning(payload as number); i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(isRunning(payload as number)).toBe(false);
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('lambda-host-')).length).toBe(before.length - 1);
});

/** A process that was killed but not yet reaped counts as ended. */
function isRunning(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !/\) [ZX] /.test(readFileSync(file, 'utf8'));
}
