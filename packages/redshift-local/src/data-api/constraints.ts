import { AwsError } from 'aws-local-kit';

/** Length bounds of a text in characters, and a pattern that the whole text must match. */
export interface TextBounds {
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
}

const shownLength = 100;

/**
 * Checks the constraints of the service's model (botocore, redshift-data 2019-12-20), worded as AWS words them. One
 * ValidationException lists all violations of a request, each with the member, the value and what is allowed.
 */
export class Constraints {
  private readonly violations: string[] = [];

  constructor(private readonly input: Readonly<Record<string, unknown>>) {}

  text(member: string, bounds: TextBounds = {}): string | undefined {
    return this.checkText(this.input[member], lowerFirst(member), bounds);
  }

  requiredText(member: string, bounds: TextBounds = {}): string {
    return this.text(member, bounds) ?? this.missing(lowerFirst(member));
  }

  oneOf<T extends string>(member: string, allowed: readonly T[]): T | undefined {
    const value = this.checkText(this.input[member], lowerFirst(member), {});
    if (value !== undefined && !allowed.includes(value as T))
      this.violate(value, lowerFirst(member), `Member must satisfy enum value set: [${allowed.join(', ')}]`);
    return value as T | undefined;
  }

  integer(member: string, min: number, max: number): number | undefined {
    const value = this.input[member];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(member, value, 'an integer');
    if (value < min) this.violate(value, lowerFirst(member), `Member must have value greater than or equal to ${min}`);
    if (value > max) this.violate(value, lowerFirst(member), `Member must have value less than or equal to ${max}`);
    return value;
  }

  boolean(member: string): boolean | undefined {
    const value = this.input[member];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'boolean') throw wrongType(member, value, 'true or false');
    return value;
  }

  /** Returns undefined if the member is absent. */
  list(member: string, min: number, max = Number.POSITIVE_INFINITY): readonly unknown[] | undefined {
    const value = this.input[member];
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value)) throw wrongType(member, value, 'a list');
    const shown = `a list of ${value.length}`;
    if (value.length < min)
      this.violate(shown, lowerFirst(member), `Member must have length greater than or equal to ${min}`);
    if (value.length > max)
      this.violate(shown, lowerFirst(member), `Member must have length less than or equal to ${max}`);
    return value;
  }

  /** Checks a required text at a path within a member. */
  requiredAt(value: unknown, where: string, bounds: TextBounds = {}): string {
    return this.checkText(value, where, bounds) ?? this.missing(where);
  }

  missing(where: string): string {
    this.violate(null, where, 'Member must not be null');
    return '';
  }

  /** @throws AwsError ValidationException with all violations so far */
  done(): void {
    const { length } = this.violations;
    if (length === 0) return;
    const errors = length === 1 ? '1 validation error' : `${length} validation errors`;
    throw new AwsError('ValidationException', `${errors} detected: ${this.violations.join('; ')}`);
  }

  private checkText(value: unknown, where: string, { min = 0, max, pattern }: TextBounds): string | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw wrongType(where, value, 'a string');
    if (value.length < min) this.violate(value, where, `Member must have length greater than or equal to ${min}`);
    if (max !== undefined && value.length > max)
      this.violate(value, where, `Member must have length less than or equal to ${max}`);
    if (pattern && !pattern.test(value))
      this.violate(value, where, `Member must satisfy regular expression pattern: ${pattern.source.slice(1, -1)}`);
    return value;
  }

  private violate(value: string | number | null, where: string, constraint: string): void {
    const text = String(value);
    const shown = text.length > shownLength ? `${text.slice(0, shownLength)}…` : text;
    this.violations.push(
      `Value ${value === null ? 'null' : `'${shown}'`} at '${where}' failed to satisfy constraint: ${constraint}`,
    );
  }
}

const lowerFirst = (member: string) => member.charAt(0).toLowerCase() + member.slice(1);

/** The error of the service's parser, which runs before the constraints are checked. */
const wrongType = (where: string, value: unknown, allowed: string) =>
  new AwsError('SerializationException', `${where} must be ${allowed}, got ${shown(value)}`);

/** Describes a value without serializing it, because nested values may be too deep. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : JSON.stringify(value).slice(0, shownLength);
}
