import type { RedshiftType } from '../../statement';
import type { Expression, FunctionCall, OrderItem } from '../ast';
import type { Environment } from '../resolve/environment';
import { settle } from '../resolve/operators';
import { orderSql, refuseSuper, sortKey } from '../resolve/order';
import type { Value } from '../resolve/value';
import { date, describe, duckdbType, isInteger, isText, type Type, timestamp, varchar } from '../types';

/** One entry of the table of supported functions. */
export interface FunctionEntry {
  readonly arguments: readonly [least: number, most: number];
  readonly kind?: 'aggregate' | 'window';
  /** Takes DISTINCT. */
  readonly distinct?: boolean;
  /** Takes WITHIN GROUP. */
  readonly ordered?: boolean;
  /** An aggregate that is not modelled with OVER. */
  readonly alone?: boolean;
  /** Runs on one kind of node alone: needs a table, or none. */
  readonly node?: 'leader' | 'compute';
  /** Its value may differ from call to call: such a function keeps a materialized view from being maintained. */
  readonly mutable?: boolean;
  readonly emit: (call: Call) => { readonly sql: string; readonly type: Type } & Pick<Value, 'atMost'>;
}

/** A function call being translated: its arguments, checked as they are asked for. */
export class Call {
  private readonly resolved: (Value | undefined)[] = [];

  constructor(
    readonly node: FunctionCall,
    readonly environment: Environment,
    /** ` over (…)`, or nothing. */
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
  /** Takes a value for an argument that is none by itself. */
  use(i: number, value: Value): void {
    this.resolved[i] = value;
  }
  /** A value whose type is known: an untyped literal is text. */
  typed(i: number): Value {
    return settle(this.environment, this.value(i), { name: 'unknown' }, this.argument(i).at);
  }
  /** An argument that is emitted more than once. */
  repeated(sql: string): string {
    return this.environment.caster.repeated(sql, this.node.at);
  }

  text(i: number): { sql: string; length: number } {
    const value = this.typed(i);
    if (!isText(value.type)) throw this.wrongType(i);
    return { sql: value.sql, length: value.type.length };
  }
  /** Of one of the given types; literals become the first of them. */
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
  /** Of four bytes at most, as positions in a text are. */
  position(i: number): string {
    const sql = this.integer(i);
    if (this.value(i).type.name === 'bigint') throw this.wrongType(i);
    return sql;
  }
  /** The same of a time with a zone too, as one of the session, in UTC. */
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
  /** SUPER as it is, for the JSON functions. */
  super(i: number): Value {
    const value = this.value(i);
    if (value.type.name === 'super') return value;
    if (value.constant === null)
      return { sql: `cast(null as ${duckdbType({ name: 'super' })})`, type: { name: 'super' } };
    throw this.wrongType(i);
  }
  /** The text of a literal, which has to be one in quotation marks. */
  literal(i: number): string {
    const text = this.constant(i);
    if (this.value(i).type.name !== 'unknown' && !isText(this.value(i).type)) throw this.wrongType(i);
    return text;
  }
  /** The same of a number too. */
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

  /** ` order by …` of WITHIN GROUP, or nothing. */
  withinGroup(): string {
    const items = (this.node.withinGroup ?? []).map((item) => orderSql(sortKey(this.sortable(item)), item));
    return items.length > 0 ? ` order by ${items.join(', ')}` : '';
  }
  /** The one value that WITHIN GROUP sorts. */
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
