/** Small checks of `npx projen verify`, one process each: `tsx projenrc/checks.ts <name>`. They edit nothing. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '..');

const CHECKS: Readonly<Record<string, () => readonly string[]>> = {
  /** One sentence per missing prerequisite, naming the Debian package it comes from. */
  prerequisites() {
    return readFileSync(join(ROOT, '.ci', 'prerequisites'), 'utf8').split('\n')
      .filter((line) => line && !line.startsWith('#'))
      .map((line) => /^(\S+)\s+(.+)$/.exec(line)!)
      .filter(([, , proof]) => spawnSync('sh', ['-c', proof]).status !== 0)
      .map(([, debian, proof]) => `'${proof}' fails: install the Debian package ${debian}`);
  },

  /** API.md is the review sheet of the public API: a change to it belongs into the commit. */
  api() {
    const fresh = join(mkdtempSync(join(tmpdir(), 'api-')), 'API.md');
    execFileSync('jsii-docgen', ['-o', fresh], { cwd: ROOT, stdio: 'inherit' });
    const committed = join(ROOT, 'API.md');
    const same = existsSync(committed) && readFileSync(fresh, 'utf8') === readFileSync(committed, 'utf8');
    return same ? [] : ["API.md is not that of the sources: run 'npx projen docgen' and review its diff"];
  },

  /** The build edits nothing. In CI that means the whole tree, elsewhere what projen generates. */
  generated() {
    const generated: string[] = process.env.CI ? [] : JSON.parse(readFileSync(join(ROOT, '.projen', 'files.json'), 'utf8')).files;
    const diff = execFileSync('git', ['diff', '--', ...generated], { cwd: ROOT, encoding: 'utf8' });
    return diff ? [diff, 'these files are not as committed'] : [];
  },
};

const problems = CHECKS[process.argv[2]]();
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
