import type { RedshiftType } from '../../statement';
import type { Expression, FunctionCall, OrderItem } from '../ast';
import type { Environment } from '../resolve/environment';
import { settle } from '../resolve/operators';
import { orderSql, refuseSuper, sortKey } from '../resolve/order';
import type { Value } from '../resolve/value';
import { date, describe, duckdbType, isInteger, isText, type Type, timestamp, varchar } from '../types';

/** An entry in the table of supported functions. */
export interface FunctionEntry {
  readonly arguments: readonly [least: number, most: number];
  readonly kind?: 'aggregate' | 'window';
  /** Whether the function accepts DISTINCT. */
  readonly distinct?: boolean;
  /** Whether the function accepts WITHIN GROUP. */
  readonly ordered?: boolean;
  /** Whether the aggregate is supported without OVER only. */
  readonly alone?: boolean;
  /** The only kind of node that runs the function: `compute` needs a table, `leader` allows none. */
  readonly node?: 'leader' | 'compute';
  /**
   * Whether the value may differ between calls. Such a function prevents incremental refresh of a materialized view.
   */
  readonly mutable?: boolean;
  readonly emit: (call: Call) => { readonly sql: string; readonly type: Type } & Pick<Value, 'atMost' | 'tight'>;
}

/** A function call during translation. Each argument is checked when it is requested. */
export class Call {
  private readonly resolved: (Value | undefined)[] = [];

  constructor(
    readonly node: FunctionCall,
    readonly environment: Environment,
    /** ` over (…)`, or an empty text. */
    readonly over: string,
  ) {}

  get count(): number {
    return this.node.args.length;
  }
  get values(): readonly Value[] {
    return this.node.args.map((_, i) => this.value(i));
  }
  private argument(i: number): Expression {
    return this.node.args[i]!;
  }
  value(i: number): Value {
    const value = this.resolved[i] ?? this.environment.resolve(this.argument(i), this.environment);
    this.resolved[i] = value;
    return value;
  }
  /** Sets the value of an argument that cannot be resolved by itself. */
  use(i: number, value: Value): void {
    this.resolved[i] = value;
  }
  /** An argument with a known type: an untyped literal becomes text. */
  typed(i: number): Value {
    return settle(this.environment, this.value(i), { name: 'unknown' }, this.argument(i).at);
  }
  /** Guards an argument that is emitted more than once. */
  repeated(sql: string): string {
    return this.environment.caster.repeated(sql, this.node.at);
  }

  text(i: number): { sql: string; length: number } {
    const value = this.typed(i);
    if (!isText(value.type)) throw this.wrongType(i);
    return { sql: value.sql, length: value.type.length };
  }
  /** An argument of one of the given types. A literal becomes the first of them. */
  of(i: number, ...names: readonly Type['name'][]): Value {
    const value = settle(this.environment, this.value(i), { name: names[0] } as Type, this.argument(i).at);
    if (!names.includes(value.type.name)) throw this.wrongType(i);
    return value;
  }
  integer(i: number): string {
    const value = settle(this.environment, this.value(i), { name: 'integer' }, this.argument(i).at);
    if (!isInteger(value.type)) throw this.wrongType(i);
    return value.sql;
  }
  /** An integer of at most four bytes, as positions in a text are. */
  position(i: number): string {
    const sql = this.integer(i);
    if (this.value(i).type.name === 'bigint') throw this.wrongType(i);
    return sql;
  }
  /** A date or timestamp, with or without time zone, as a timestamp in UTC, the session's time zone. */
  zonedTime(i: number): string {
    const { type, sql } = this.value(i);
    return type.name === 'timestamptz' ? `timezone('UTC', ${sql})` : this.time(i);
  }
  /** A date or timestamp, as a timestamp. */
  time(i: number): string {
    const value = settle(this.environment, this.value(i), timestamp, this.argument(i).at);
    if (value.type.name === timestamp.name) return value.sql;
    if (value.type.name === date.name) return `cast(${value.sql} as timestamp)`;
    throw this.wrongType(i);
  }
  /** A SUPER value as it is, for the JSON functions. */
  super(i: number): Value {
    const value = this.value(i);
    if (value.type.name === 'super') return value;
    if (value.constant === null)
      return { sql: `cast(null as ${duckdbType({ name: 'super' })})`, type: { name: 'super' } };
    throw this.wrongType(i);
  }
  /** The text of an argument that must be a string literal. */
  literal(i: number): string {
    const text = this.constant(i);
    if (this.value(i).type.name !== 'unknown' && !isText(this.value(i).type)) throw this.wrongType(i);
    return text;
  }
  /** The text of an argument that must be a literal: a string or a number. */
  constant(i: number): string {
    const { constant } = this.value(i);
    if (typeof constant !== 'string')
      throw this.unsupported(`argument ${i + 1} of function ${this.name} that is not a literal`, this.argument(i).at);
    return constant;
  }
  literalInteger(i: number, least: number, most = 65_535): number {
    const value = Number(this.constant(i) || 'none');
    if (!Number.isInteger(value) || value < least || value > most) {
      throw this.unsupported(
        `argument ${i + 1} of function ${this.name} outside ${least} to ${most}`,
        this.argument(i).at,
      );
    }
    return value;
  }

  /** ` order by …` of WITHIN GROUP, or an empty text. */
  withinGroup(): string {
    const items = (this.node.withinGroup ?? []).map((item) => orderSql(sortKey(this.sortable(item)), item));
    return items.length > 0 ? ` order by ${items.join(', ')}` : '';
  }
  /** The only value that WITHIN GROUP sorts by. */
  withinGroupValue(): { value: Value; descending: boolean } {
    const [item, ...more] = this.node.withinGroup ?? [];
    if (!item || more.length > 0)
      throw this.unsupported(`function ${this.name} without WITHIN GROUP (ORDER BY <one value>)`);
    return { value: this.sortable(item), descending: item.descending };
  }
  private sortable({ expression }: OrderItem): Value {
    const { environment } = this;
    const value = settle(environment, environment.resolve(expression, environment), { name: 'unknown' }, expression.at);
    refuseSuper(value.type, environment.context, expression.at);
    return value;
  }
  cast(value: Value, type: RedshiftType): Value {
    return this.environment.caster.cast(value, type, 'explicit', this.node.at);
  }

  get name(): string {
    return this.node.name.toUpperCase();
  }
  wrongType(i: number): Error {
    return this.unsupported(
      `function ${this.name} with ${describe(this.value(i).type)} as argument ${i + 1}`,
      this.argument(i).at,
    );
  }
  unsupported(what: string, at = this.node.at): Error {
    return this.environment.context.source.unsupported(what, at);
  }
}

export const maxText = varchar(65_535);
