import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const V1 = '/sys/fs/cgroup/memory';
const V2 = '/sys/fs/cgroup';

let count = 0;

/** A memory limit as Lambda has it: the kernel kills the process that exceeds it. */
export class MemoryGroup {
  /** Whether this machine lets us make such groups (cgroup v1 or v2, writable). */
  public static available(): boolean {
    return hierarchy() !== undefined;
  }

  private readonly directory: string;

  constructor(megabytes: number) {
    const found = hierarchy();
    if (!found) {
      throw new Error('a memory limit needs a writable cgroup with the memory controller, got none');
    }
    this.directory = join(found.root, `kit-${process.pid}-${count++}`);
    mkdirSync(this.directory);
    const bytes = String(megabytes * 1024 * 1024);
    writeFileSync(join(this.directory, found.limit), bytes);
    const swap = join(this.directory, found.swapLimit);
    if (existsSync(swap)) {
      writeFileSync(swap, found.swapMeansTotal ? bytes : '0');
    }
  }

  /** Command line that runs `command` inside the group from its first instruction on. */
  public wrap(command: readonly string[]): string[] {
    return ['sh', '-c', 'echo $$ > "$0" && exec "$@"', join(this.directory, 'cgroup.procs'), ...command];
  }

  /** Only an empty group can go: call it when the process has ended. */
  public remove(): void {
    try {
      rmdirSync(this.directory);
    } catch (error) {
      // A grandchild on its way out; an empty group costs nothing.
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') {
        throw error;
      }
    }
  }
}

function hierarchy() {
  if (isWritable(V1) && existsSync(join(V1, 'memory.limit_in_bytes'))) {
    return { root: V1, limit: 'memory.limit_in_bytes', swapLimit: 'memory.memsw.limit_in_bytes', swapMeansTotal: true };
  }
  const control = join(V2, 'cgroup.subtree_control');
  if (isWritable(V2) && existsSync(control) && readFileSync(control, 'utf8').split(/\s/).includes('memory')) {
    return { root: V2, limit: 'memory.max', swapLimit: 'memory.swap.max', swapMeansTotal: false };
  }
  return undefined;
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
