/** A cell as the Data API has it: one of the values, or `isNull`. */
interface Cell {
  readonly isNull?: boolean;
  readonly stringValue?: string;
  readonly longValue?: number;
  readonly doubleValue?: number;
  readonly booleanValue?: boolean;
}

/** The value of a cell of the Data API's result. Decimals and timestamps are texts. */
export function scalar({
  isNull,
  stringValue,
  longValue,
  doubleValue,
  booleanValue,
}: Cell): string | number | boolean | null {
  if (isNull) return null;
  return stringValue ?? longValue ?? doubleValue ?? booleanValue ?? null;
}
