/**
 * Counts the instructions a request costs in njs, with the stock engine: how many a line of the readable build compiles
 * to (`njs -d`), times how often V8 runs that line. The blocks are written for it: one basic block per line.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EdgeRequest, Job, run } from './engine';
import { ensureNjs } from './setup';
import { compile } from '../../../src/edge-rewrite/compiler/compile';
import { Blocks } from '../../../src/edge-rewrite/compiler/emit';
import { CompileOptions, CompileResult, RuleSet } from '../../../src/edge-rewrite/compiler/model';

const BLOCKS = join(__dirname, '../../../src/edge-rewrite/compiler/blocks');

/** As they are in the repository: the shipped ones differ in white space and local names only. */
export const READABLE: Blocks = {
  access: readFileSync(join(BLOCKS, 'access.js'), 'utf8'),
  viewerRequest: readFileSync(join(BLOCKS, 'viewer-request.js'), 'utf8'),
  viewerResponse: readFileSync(join(BLOCKS, 'viewer-response.js'), 'utf8'),
  separator: '\n',
};

export interface Counted {
  readonly compiled: CompileResult;
  readonly opcodes: readonly number[];
  readonly reads: readonly number[];
}

/** Opcodes of the viewer-request function per request. */
export function countRequests(sets: readonly RuleSet[], options: CompileOptions, requests: readonly EdgeRequest[]): Counted {
  const compiled = compile(sets, options, READABLE);
  const code = withoutImport(compiled.viewerRequest?.code ?? '');
  return { compiled, ...count(code, requests, { data: compiled.data?.entries }) };
}

/** Opcodes of the viewer-response function per request. */
export function countResponses(sets: readonly RuleSet[], options: CompileOptions, requests: readonly EdgeRequest[]): Counted {
  const compiled = compile(sets, options, READABLE);
  const response = { statusCode: 200, headers: {} };
  return { compiled, ...count(compiled.viewerResponse?.code ?? '', requests, { response }) };
}

/** Opcodes of a function written one basic block a line. */
export function count(code: string, requests: readonly EdgeRequest[], job: Pick<Job, 'data' | 'response'>): Omit<Counted, 'compiled'> {
  const perLine = opcodesPerLine(code);
  const outcomes = run('v8', [{ code: instrumented(code), requests, ...job, uncut: true }])[0];
  const opcodes = outcomes.map(({ logs }) => {
    const runs = JSON.parse(logs.at(-1) ?? '{}') as Record<string, number>;
    return Object.entries(runs).reduce((sum, [line, times]) => sum + times * (perLine.get(Number(line)) ?? 0), 0);
  });
  return { opcodes, reads: outcomes.map(({ reads }) => reads) };
}

function withoutImport(code: string): string {
  return code.replace(/^import .*$/gm, '');
}

export function opcodesPerLine(code: string): ReadonlyMap<number, number> {
  const { njs } = ensureNjs();
  const directory = mkdtempSync(join(tmpdir(), 'njs-'));
  try {
    const file = join(directory, 'counted.js');
    writeFileSync(file, code);
    const listing = execFileSync(njs.file, [...njs.args, '-d', file], { encoding: 'utf8', maxBuffer: 1e9 });
    const counts = new Map<number, number>();
    let inMain = false;
    for (const line of listing.split('\n')) {
      if (/^\S+:\S+$/.test(line)) {
        inMain = line.endsWith(':main');
      }
      const [, number, name] = /^ *(\d+) \| \d+ (.*)$/.exec(line) ?? [];
      if (!inMain && number !== undefined && !name.startsWith('REFERENCE ERROR')) {
        counts.set(Number(number), (counts.get(Number(number)) ?? 0) + 1);
      }
    }
    // njs attributes the jump of a 'break' to the line of its 'if', which runs more often.
    code.split('\n').forEach((line, n) => {
      if (line.trim() === 'break;' && !counts.has(n + 1)) {
        counts.set(n, (counts.get(n) ?? 1) - 1);
        counts.set(n + 1, 1);
      }
    });
    return counts;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Puts a counter in front of every line that is a statement, and where a block or a turn of a loop ends. */
function instrumented(code: string): string {
  const open: string[] = [];
  const lines = code.split('\n').map((line, n) => {
    const text = line.trim();
    const mark = `__c(${n + 1});`;
    if (text === '' || text.startsWith('//')) {
      return line;
    }
    if (/^(async )?function /.test(text)) {
      open.push('');
      return line;
    }
    if (text === '}') {
      const opener = open.pop() ?? '';
      return open.length === 0 ? line : `${opener}} ${mark}`;
    }
    if (text.startsWith('} ')) {
      open[open.length - 1] = '';
      return `${line} ${mark}`;
    }
    if (text === 'continue;') {
      return `${mark} ${[...open].reverse().find((one) => one !== '') ?? ''} ${line}`;
    }
    if (text.endsWith('{')) {
      open.push(text === 'while (true) {' ? mark : '');
      return text === 'while (true) {' ? line : `${mark} ${line}`;
    }
    return `${mark} ${line}`;
  });
  return `var __n = {};
function __c(line) { __n[line] = (__n[line] || 0) + 1; }
${lines.join('\n')}
var __handler = handler;
handler = async function (event) {
  __n = {};
  var result = await __handler(event);
  console.log(JSON.stringify(__n));
  return result;
};`;
}
