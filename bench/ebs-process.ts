/** What the kernel knows of a function's process, a child of ours under Lambda's runtime client. */
import { readdirSync, readFileSync } from 'node:fs';

/** Ids of those that are alive. */
export function functionProcesses(): string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isFunction(`/proc/${pid}`));
}

function isFunction(directory: string): boolean {
  try {
    return Number(/PPid:\s+(\d+)/.exec(readFileSync(`${directory}/status`, 'utf8'))![1]) === process.pid
      && readFileSync(`${directory}/environ`, 'utf8').includes('\0AWS_LAMBDA_RUNTIME_API=');
  } catch {
    return false; // it ended meanwhile
  }
}

/** What was resident at most, the pages of the runtime's own program included. */
export function peakMegabytes(pid: string): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

/** Of all its threads so far, for itself and in the kernel; told in hundredths. */
export function cpuSeconds(pid: string): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}
