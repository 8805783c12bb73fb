import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A folder whose disk a test can fill. */
export interface FillableDisk {
  readonly folder: string;
  /** Leaves room for about so many bytes. @param room @default 0 */
  fill(room?: number): void;
  /** Makes room again. */
  free(): void;
  /** How many writes were refused. The system does not say it of a real disk. */
  readonly refused: number;
  /** Ends it, and removes the folder of a real disk. */
  dispose(): void;
}

const smallBytes = 4 * 2 ** 20;

/** Mounts a real disk of a few megabytes. Returns undefined if this user may not, or the system has no tmpfs. */
export function createSmallDisk(megabytes = smallBytes / 2 ** 20): FillableDisk | undefined {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    fs.rmdirSync(folder);
    return undefined;
  }
  const ballast = path.join(folder, '.ballast');
  return {
    folder,
    refused: 0,
    fill(room = 0) {
      const block = Buffer.alloc(4096);
      const descriptor = fs.openSync(ballast, 'a');
      try {
        for (;;) fs.writeSync(descriptor, block);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        if (room > 0) fs.ftruncateSync(descriptor, fs.fstatSync(descriptor).size - room);
      } finally {
        fs.closeSync(descriptor);
      }
    },
    free: () => fs.rmSync(ballast, { force: true }),
    dispose() {
      execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
      fs.rmdirSync(folder);
    },
  };
}

/* biome-ignore lint/suspicious/noExplicitAny: the functions of node:fs have many overloads */
type Call = (...parameters: any[]) => any;
const patched = [
  'openSync',
  'closeSync',
  'writeSync',
  'writeFileSync',
  'appendFileSync',
  'copyFileSync',
  'mkdirSync',
] as const;

/**
 * Makes this process's synchronous writes below a folder fail as on a full disk: the write that finds no room stores as
 * much as there is, and the next one fails. It works on any system, but not for writes of native code.
 */
export function fillable(folder: string): FillableDisk {
  const real = Object.fromEntries(patched.map((name) => [name, fs[name] as Call])) as Record<
    (typeof patched)[number],
    Call
  >;
  const files = new Map<number, string>();
  let room: number | undefined;
  let refused = 0;
  const isBelow = (file: unknown) => typeof file === 'string' && file.startsWith(folder);
  const refuse = (syscall: string, file: string): never => {
    refused += 1;
    const text = `ENOSPC: no space left on device, ${syscall}`;
    throw Object.assign(new Error(text), { code: 'ENOSPC', errno: -28, syscall, path: file });
  };
  const taken = (bytes: number) => {
    const fits = Math.min(bytes, room ?? bytes);
    if (room !== undefined) room -= fits;
    return fits;
  };
  const whole =
    (name: 'writeFileSync' | 'appendFileSync') => (file: string | number, data: string | Buffer, o: Call) => {
      const target = typeof file === 'number' ? files.get(file) : file;
      if (room === undefined || !isBelow(target)) return real[name](file, data, o);
      const bytes = Buffer.from(data as string);
      const fits = taken(bytes.length);
      real[name](file, bytes.subarray(0, fits), o);
      if (fits < bytes.length) refuse('write', target!);
    };
  const replacements: Record<string, Call> = {
    openSync(file, ...rest) {
      const descriptor = real.openSync(file, ...rest);
      if (isBelow(file)) files.set(descriptor, file);
      return descriptor;
    },
    closeSync(descriptor) {
      files.delete(descriptor);
      return real.closeSync(descriptor);
    },
    writeSync(descriptor: number, data: string | Buffer, offset: number = 0, length?: number, ...rest: number[]) {
      const file = files.get(descriptor);
      if (room === undefined || file === undefined) return real.writeSync(descriptor, data, offset, length, ...rest);
      const bytes = Buffer.from(data as string);
      const wanted = length ?? bytes.length - offset;
      const fits = taken(wanted);
      if (fits === 0 && wanted > 0) refuse('write', file);
      return real.writeSync(descriptor, bytes, offset, fits, ...rest);
    },
    writeFileSync: whole('writeFileSync'),
    appendFileSync: whole('appendFileSync'),
    copyFileSync(source, target, ...rest) {
      if (room === undefined || !isBelow(target)) return real.copyFileSync(source, target, ...rest);
      const bytes = fs.readFileSync(source);
      const fits = taken(bytes.length);
      real.writeFileSync(target, bytes.subarray(0, fits));
      if (fits < bytes.length) refuse('copyfile', target);
    },
    mkdirSync(target, ...rest) {
      if (room === 0 && isBelow(target) && !fs.existsSync(target)) refuse('mkdir', target);
      return real.mkdirSync(target, ...rest);
    },
  };
  Object.assign(fs, replacements);
  return {
    folder,
    get refused() {
      return refused;
    },
    fill(left = 0) {
      room = left;
    },
    free() {
      room = undefined;
    },
    dispose: () => void Object.assign(fs, real),
  };
}
