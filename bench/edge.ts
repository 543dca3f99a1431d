/**
 * EdgeRewrite against other routers, on the same rules and requests: one process each, CPU time, answers compared before
 * the clock starts.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { type Compiled, scanCode } from './edge-contestants';
import type { CompileFigures, EdgeJob, MatchFigures } from './edge-jobs';
import { type NjsFigures, matchInNjs } from './edge-njs';
import { type Series, svg } from './edge-plot';
import { GROUP, type Mix, pairsOf, redirectsFile, requestsFor } from './edge-rules';
import { NODE, PINNED, median } from './measure';
import { parseRuleFile } from '../src/edge-rewrite/compiler/parse';
import { count as countOpcodes, countRequests } from '../test/kit/njs/opcodes';

const ROOT = join(__dirname, '..');
const CACHE = join(ROOT, '.cache/bench/edge');
const WORKER = join(ROOT, '.cache/bench/edge-worker.mjs');
const PEERS = join(__dirname, 'peers');
const PLOT = join(__dirname, 'edge-rewrite-cost.svg');

const COUNTS = [10, 1_000, 10_000, 45_000, 100_000];
const KINDS = ['exact', 'placeholder', 'splat'] as const;
const KIND_COUNTS = [1_000, 45_000];
/** A synth is a new process every time, so a compilation is measured cold. */
const COMPILE_RUNS = 3;
/** The contestants take turns, so that a busy machine meets all of them alike; most often where the bars are. */
const BAR_COUNT = 1_000;
const ROUNDS = 5;
/** njs 0.8.9 loses elements of longer array literals. */
const NJS_ARRAY = 32_768;

interface Contestant {
  readonly name: string;
  readonly label: string;
  readonly color: string;
  readonly dashed?: boolean;
}

const IN_NODE: readonly Contestant[] = [
  { name: 'matching', label: 'EdgeRewrite, matching alone', color: '#0b57d0' },
  { name: 'emitted', label: 'EdgeRewrite function over a store', color: '#5c9bf5' },
  { name: 'lambda', label: 'EdgeRewrite at Lambda@Edge', color: '#00796b' },
  { name: 'findMyWay', label: 'find-my-way', color: '#7b1fa2' },
  { name: 'pathToRegexp', label: 'path-to-regexp', color: '#ef6c00' },
  { name: 'netlifyRedirector', label: 'netlify-redirector', color: '#c62828' },
  { name: 'scan', label: 'scan by regular expressions', color: '#757575' },
];
const FUNCTION_IN_NJS: Contestant = { name: 'function in njs', label: 'EdgeRewrite function in njs', color: '#5c9bf5', dashed: true };
const SCAN_IN_NJS: Contestant = { name: 'scan in njs', label: 'scan in njs', color: '#757575', dashed: true };

type PerCount<T> = ReadonlyMap<number, T>;

/** @param write puts the chart beside this file */
export async function edgeRewrite(write: boolean): Promise<string> {
  await setUp();
  const compiled = new Map(COUNTS.map((count) => [count, compileFigures('mix', count)]));
  const matches = new Map(COUNTS.map((count) => [count, match('mix', count, count === BAR_COUNT ? ROUNDS : 1)]));
  const njs = new Map(COUNTS.map((count) => [count, functionInNjs(count)]));
  const scanNjs = new Map(COUNTS.filter((count) => count <= NJS_ARRAY).map((count) => [count, scanInNjs(count)]));
  const opcodes = new Map(COUNTS.map((count) => [count, opcodesOf(count)]));
  const kinds = KINDS.map((kind) => new Map(KIND_COUNTS.map((count) => {
    runWorker<CompileFigures>({ kind: 'compile', mix: kind, count, out: fileOf(kind, count) });
    return [count, match(kind, count, 1)];
  })));

  if (write) writeFileSync(PLOT, plot(matches, njs, scanNjs, opcodes));
  const at = (name: string, count: number) => matches.get(count)!.get(name)!;
  const all = [...IN_NODE, FUNCTION_IN_NJS, SCAN_IN_NJS];
  const nsOf = ({ name }: Contestant, count: number) => (
    name === FUNCTION_IN_NJS.name ? njs.get(count) : name === SCAN_IN_NJS.name ? scanNjs.get(count) : at(name, count))?.ns;
  return [
    '### Nanoseconds per match, by number of rules',
    table(['', ...COUNTS.map(grouped)], all.map((one) => [one.label, ...COUNTS.map((count) => nanoseconds(nsOf(one, count)))])),
    '### Nanoseconds per match, rules of one kind',
    table(['', ...KIND_COUNTS.flatMap((count) => KINDS.map((kind) => `${grouped(count)} ${kind}`))],
      IN_NODE.map(({ name, label }) => [label, ...KIND_COUNTS.flatMap((count) => kinds.map((of) => nanoseconds(of.get(count)!.get(name)!.ns)))])),
    '### Opcodes per request: function / scan',
    table(['', ...COUNTS.map(grouped)], ['exact', 'placeholder', 'splat', 'miss'].map((kind, n) => [
      kind, ...COUNTS.map((count) => `${opcodes.get(count)!.ours[n]} / ${grouped(opcodes.get(count)!.scan[n])}`),
    ])),
    '### Compiler',
    table(['rules', 'CPU ms', 'peak MB', 'layout', 'code bytes', 'data bytes', 'bytes of from + to', 'in buckets / from + to', 'KB a request takes in njs'],
      COUNTS.map((count) => {
        const of = compiled.get(count)!;
        return [grouped(count), ms(of.cpuMs), ms(of.peakMb), of.layout, grouped(of.codeBytes), grouped(of.dataBytes), grouped(of.textBytes),
          ratio(of.denseBytes / of.textBytes), (njs.get(count)!.requestBytes / 1000).toFixed(1)];
      })),
    '### Building in milliseconds of CPU, memory kept in MB',
    table(['', ...COUNTS.map(grouped)], IN_NODE.map(({ name, label }) => [
      label, ...COUNTS.map((count) => `${ms(at(name, count).buildMs)}, ${at(name, count).memoryMb.toFixed(1)}`),
    ])),
    '### Bars',
    table(['bar', 'target', 'measured', ''], bars()),
  ].join('\n\n');

  function bars(): string[][] {
    const row = (bar: string, target: string, measured: string, met: boolean) => [bar, target, measured, met ? 'met' : '**missed**'];
    const netlify = (name: string) => at('netlifyRedirector', BAR_COUNT).ns / at(name, BAR_COUNT).ns;
    const tree = (name: string) => at(name, BAR_COUNT).ns / at('findMyWay', BAR_COUNT).ns;
    const { ours, scan } = opcodes.get(BAR_COUNT)!;
    const least = Math.min(...scan.map((cost, n) => cost / ours[n]));
    const densest = Math.max(...COUNTS.slice(1).map((count) => compiled.get(count)!.denseBytes / compiled.get(count)!.textBytes));
    const same = COUNTS.filter((count) => compiled.get(count)!.layout !== 'buckets').every((count) => `${opcodes.get(count)!.ours}` === `${ours}`);
    return [
      ...['matching', 'emitted'].flatMap((name) => {
        const { label } = IN_NODE.find((one) => one.name === name)!;
        return [
          row(`${label} against netlify-redirector, 1,000 rules`, '1,000 times faster', ms(netlify(name)), netlify(name) >= 1_000),
          row(`${label} against find-my-way, 1,000 rules`, 'at most 3 times its time', ratio(tree(name)), tree(name) <= 3),
        ];
      }),
      row('opcodes against the scan, 1,000 rules', 'at most 1/25', `1/${ms(least)} for the dearest kind of request`, least >= 25),
      row('opcodes of one layout', 'the same from 10 to 45,000 rules', same ? 'the same' : 'different', same),
      ...[[45_000, 2_000], [100_000, 5_000]].map(([count, limit]) => {
        const { cpuMs } = compiled.get(count)!;
        return row(`compiling ${grouped(count)} rules`, `${limit / 1_000} s`, `${(cpuMs / 1_000).toFixed(2)} s`, cpuMs < limit);
      }),
      row('import file in buckets, from 1,000 rules', 'at most 1.2 times from + to', ratio(densest), densest <= 1.2),
    ];
  }
}

/** Bundles the worker, a loader would show in its memory, and installs the peers by their lock. */
async function setUp(): Promise<void> {
  mkdirSync(CACHE, { recursive: true });
  if (!existsSync(join(PEERS, 'node_modules'))) {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', PEERS], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  await esbuild.build({ entryPoints: [join(__dirname, 'edge-worker.ts')], outfile: WORKER, bundle: true, platform: 'node', format: 'esm', target: 'node24' });
}

function runWorker<T>(job: EdgeJob): T {
  const [command, ...args] = [...PINNED, NODE, '--expose-gc', WORKER, JSON.stringify(job)];
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8', timeout: 600_000 });
  if (status !== 0) throw new Error(`${JSON.stringify(job)} failed: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** The first run leaves its result for the contestants. */
function compileFigures(mix: Mix, count: number): CompileFigures {
  const runs = Array.from({ length: COMPILE_RUNS }, (_, n) => (
    runWorker<CompileFigures>({ kind: 'compile', mix, count, out: n === 0 ? fileOf(mix, count) : undefined })));
  return { ...runs[0], cpuMs: median(runs.map(({ cpuMs }) => cpuMs)), peakMb: median(runs.map(({ peakMb }) => peakMb)) };
}

/** By contestant: medians over the rounds. */
function match(mix: Mix, count: number, rounds: number): ReadonlyMap<string, MatchFigures> {
  const runs = Array.from({ length: rounds }, () => IN_NODE.map(({ name }) => (
    runWorker<MatchFigures>({ kind: 'match', contestant: name, mix, count, file: fileOf(mix, count) }))));
  return new Map(IN_NODE.map(({ name }, n) => {
    const of = (figure: keyof MatchFigures) => median(runs.map((run) => run[n][figure]));
    return [name, { ns: of('ns'), requests: of('requests'), buildMs: of('buildMs'), memoryMb: of('memoryMb') }];
  }));
}

function fileOf(mix: Mix, count: number): string {
  return join(CACHE, `${mix}-${count}.json`);
}

function functionInNjs(count: number): NjsFigures {
  const { viewerRequest: { code }, data } = JSON.parse(readFileSync(fileOf('mix', count), 'utf8')) as Compiled;
  return matchInNjs({ code, data: data?.entries, requests: requestsFor('mix', count), file: join(CACHE, 'njs') });
}

function scanInNjs(count: number): NjsFigures {
  return matchInNjs({ code: scanCode(pairsOf('mix', count)), requests: requestsFor('mix', count), file: join(CACHE, 'njs') });
}

interface Opcodes {
  /** Of an exact path, a placeholder, a splat and a miss, in the middle of the file. */
  readonly ours: readonly number[];
  readonly scan: readonly number[];
}

function opcodesOf(count: number): Opcodes {
  const pairs = pairsOf('mix', count);
  const requests = requestsFor('mix', count).slice(0, GROUP).map(({ path }) => ({ uri: path }));
  const set = parseRuleFile('netlify-redirects', redirectsFile(pairs), '_redirects');
  return {
    ours: countRequests([set], { tier: 'key-value-store' }, requests).opcodes,
    scan: countOpcodes(scanCode(pairs), requests, {}).opcodes,
  };
}

function plot(
  matches: PerCount<ReadonlyMap<string, MatchFigures>>, njs: PerCount<NjsFigures>, scanNjs: PerCount<NjsFigures>, opcodes: PerCount<Opcodes>,
): string {
  const points = <T>(figures: PerCount<T>, of: (figure: T) => number): Series['points'] => [...figures].map(([count, figure]) => [count, of(figure)]);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [, ours] = IN_NODE;
  const scan = IN_NODE.at(-1)!;
  return svg([
    {
      title: 'Nanoseconds per match',
      series: [
        ...IN_NODE.map((one) => ({ ...one, points: points(matches, (all) => all.get(one.name)!.ns) })),
        { ...FUNCTION_IN_NJS, points: points(njs, ({ ns }) => ns) },
        { ...SCAN_IN_NJS, points: points(scanNjs, ({ ns }) => ns) },
      ],
    },
    {
      title: 'njs opcodes per request',
      series: [
        { ...ours, points: points(opcodes, (of) => mean(of.ours)) },
        { ...scan, points: points(opcodes, (of) => mean(of.scan)) },
      ],
    },
  ], 'rules');
}

function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const ms = (value: number) => grouped(Math.round(value));
const ratio = (value: number) => value.toFixed(2);
const grouped = (value: number) => value.toLocaleString('en-US');
/** Three digits: more were not measured. */
const nanoseconds = (value?: number) => value === undefined ? '–' : grouped(Number(value.toPrecision(3)));
