import { redirect, setOf } from './rules';
import { compile } from '../../src/edge-rewrite/compiler/compile';
import { run, runOne } from '../kit/njs/engine';
import { ensureNjs } from '../kit/njs/setup';

test('the engine is njs 0.8.9 or later; a missing one fails', () => {
  expect(ensureNjs().version).toMatch(/^(0\.(8\.(9|\d\d)|9\.|\d\d)|[1-9])/);
});

describe('what V8 takes and the engine of CloudFront functions does not', () => {
  test.each([
    ['class', 'class A {}'], ['destructuring', 'var {a} = event;'], ['spread', 'var a = [...[1]];'], ['default parameter', 'function f(a = 1) {}'],
    ['for of', 'for (var a of [1]) {}'], ['optional chaining', 'event?.a;'], ['generator', 'function* f() {}'], ['await in arguments', 'f(await 1);'],
    ['Map', 'new Map();'], ['Set', 'new Set();'], ['Function', 'Function("return 1")();'], ['process', 'process.env;'], ['timers', 'setTimeout(f, 1);'],
  ])('%s', (_, statement) => {
    const job = { code: `async function handler(event) { ${statement} return event.request; }` };
    const refused = () => runOne('njs', job, { uri: '/' }).refused;
    let reason: string | undefined;
    try {
      reason = refused();
    } catch (error) {
      reason = (error as Error).message;
    }
    expect(reason).toMatch(/Error/);
  });
});

describe('what CloudFront answers with 502', () => {
  const header = (name: string, value: string) => `function handler(event) { event.request.headers[${JSON.stringify(name)}] = { value: ${JSON.stringify(value)} }; return event.request; }`;
  test.each([
    ['a disallowed header', header('x-edge-status', '404')], ['a header in upper case', header('X-A', '1')], ['a line break', header('x-a', 'a\nb')],
    ['nothing', 'function handler() {}'], ['a throw', 'function handler() { throw new Error("x"); }'],
    ['code of 10,001 bytes', `function handler(event) { return event.request; }${' '.repeat(10_001 - 49)}`],
  ])('%s', (_, code) => {
    expect(runOne('njs', { code }, { uri: '/' }).reply.statusCode).toBe(502);
  });

  test('code of 10,000 bytes passes', () => {
    const code = 'function handler(event) { return event.request; }';
    expect(runOne('njs', { code: code + ' '.repeat(10_000 - code.length) }, { uri: '/' }).refused).toBeUndefined();
  });
});

test('both engines see the same event', () => {
  const { viewerRequest } = compile([setOf([redirect('/a', '/b')])]);
  const jobs = [{ code: viewerRequest!.code, requests: [{ uri: '/a', query: 'x=1&x=2' }, { uri: '/c' }] }];
  expect(run('v8', jobs)).toEqual(run('njs', jobs));
});
