import { integerOf, listOf, NotModelledError, objectOf, oneOf, type Properties, requiredText } from 'aws-local-kit';

/** The supported part of Amazon States Language: Lambda tasks with retry, catch and end. */
export interface Definition {
  readonly startAt: string;
  readonly states: ReadonlyMap<string, TaskState>;
}
export interface TaskState {
  readonly resource: string;
  readonly retry: readonly Retrier[];
  readonly catch: readonly Catcher[];
  /** The next state. The execution ends if it is undefined. */
  readonly next?: string;
}
export interface Retrier {
  readonly errors: readonly string[];
  readonly intervalSeconds: number;
  readonly maxAttempts: number;
  readonly backoffRate: number;
}
export interface Catcher {
  readonly errors: readonly string[];
  readonly next: string;
}

/**
 * Parses a definition.
 * @throws NotModelledError naming a state or field that is not supported
 */
export function parseDefinition(text: string): Definition {
  const root = objectOf(JSON.parse(text), ['Comment', 'StartAt', 'States'], 'DefinitionString')!;
  const states = new Map<string, TaskState>();
  for (const [name, state] of Object.entries(root['States'] as Record<string, Properties>))
    states.set(name, parseTask(state, name));
  const startAt = requiredText(root['StartAt'], 'DefinitionString.StartAt');
  const targets = [
    startAt,
    ...[...states.values()].flatMap((state) => [
      ...(state.next ? [state.next] : []),
      ...state.catch.map(({ next }) => next),
    ]),
  ];
  const missing = targets.filter((target) => !states.has(target));
  if (missing.length > 0) throw new Error(`DefinitionString names states that it does not have: ${missing.join(', ')}`);
  return { startAt, states };
}

function parseTask(state: Properties, name: string): TaskState {
  const where = `state ${name}`;
  if (state['Type'] !== 'Task') throw new NotModelledError(`${where} of type ${state['Type']}`);
  objectOf(state, ['Type', 'Resource', 'Retry', 'Catch', 'End', 'Next', 'Comment'], where);
  const resource = requiredText(state['Resource'], `${where}.Resource`);
  if (!resource.startsWith('arn:aws:lambda:')) throw new NotModelledError(`${where}.Resource ${resource}`);
  return {
    resource,
    retry: listOf(state['Retry'], `${where}.Retry`).map((item) => parseRetrier(item, `${where}.Retry`)),
    catch: listOf(state['Catch'], `${where}.Catch`).map((item) => {
      const catcher = objectOf(item, ['ErrorEquals', 'Next'], `${where}.Catch`)!;
      return {
        errors: errorNames(catcher['ErrorEquals'], `${where}.Catch`),
        next: requiredText(catcher['Next'], `${where}.Catch.Next`),
      };
    }),
    next: state['End'] === true ? undefined : requiredText(state['Next'], `${where}.Next`),
  };
}

function parseRetrier(value: unknown, where: string): Retrier {
  const retrier = objectOf(
    value,
    ['ErrorEquals', 'IntervalSeconds', 'MaxAttempts', 'BackoffRate', 'JitterStrategy'],
    where,
  )!;
  oneOf(retrier['JitterStrategy'], ['NONE'], `${where}.JitterStrategy`);
  return {
    errors: errorNames(retrier['ErrorEquals'], where),
    intervalSeconds: integerOf(retrier['IntervalSeconds'], `${where}.IntervalSeconds`, 1, 99_999_999) ?? 1,
    maxAttempts: integerOf(retrier['MaxAttempts'], `${where}.MaxAttempts`, 0, 99_999_999) ?? 3,
    backoffRate: Number(retrier['BackoffRate'] ?? 2),
  };
}

function errorNames(value: unknown, where: string): string[] {
  return listOf(value, `${where}.ErrorEquals`).map((name) => requiredText(name, `${where}.ErrorEquals`));
}

/** True if a retrier or catcher handles an error with this name. */
export function matchesError(names: readonly string[], error: string): boolean {
  return (
    names.includes('States.ALL') ||
    names.includes(error) ||
    (names.includes('States.TaskFailed') && error !== 'States.Timeout')
  );
}
