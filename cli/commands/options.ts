import type { Command } from 'commander';
import { Failure } from '../failure';
import { grouped } from '../terminal';

/** Creates a commander parser for a whole number within bounds. */
export function wholeNumber(flag: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most))
      throw new Failure(`${flag} must be a whole number from ${grouped(least)} to ${grouped(most)}, got '${text}'`, 2);
    return value;
  };
}

/** Creates a commander parser for a share between 0 and 1. */
export function share(flag: string): (text: string) => number {
  return (text) => {
    const value = /^(?:\d+(?:\.\d+)?|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= 0 && value <= 1)) throw new Failure(`${flag} must be a number from 0 to 1, got '${text}'`, 2);
    return value;
  };
}

/** Creates a commander parser for a text that is not empty. */
export function text(flag: string): (value: string) => string {
  return (value) => {
    if (value.trim() === '') throw new Failure(`${flag} must not be empty`, 2);
    return value;
  };
}

/** Most events that one call may generate. */
export const MOST_EVENTS = 100_000_000;
export const DEFAULT_DATA = '.millrace';

/** Adds the options that say which environment a command works on. */
export const addEnvironmentOptions = (command: Command): Command =>
  command
    .option('--data <dir>', 'data folder of the running local runtime', text('--data'), DEFAULT_DATA)
    .option('--environment <name>', 'use this environment in AWS instead', text('--environment'))
    .option(
      '--outputs <file>',
      'what cdk deploy --outputs-file wrote, with --environment',
      text('--outputs'),
      'outputs.json',
    );
