const numeric = new Set(['smallint', 'integer', 'bigint', 'numeric', 'decimal', 'real', 'double precision']);

/** A cell as text, so that what is equal in its type is the same text: `24` and `24.00` as decimals, a timestamp with or without `T` and `Z`. */
export function comparable(cell: unknown, type: string): string {
  if (cell === null || cell === undefined) return 'null';
  const text = String(cell);
  if (numeric.has(type)) return plainNumber(text);
  if (type.startsWith('timestamp'))
    return text
      .replace('T', ' ')
      .replace(/(\.\d*?)0*Z?$|Z$/, '$1')
      .replace(/\.$/, '');
  if (type === 'super') return JSON.stringify(JSON.parse(text));
  return JSON.stringify(text);
}

function plainNumber(text: string): string {
  const [, sign, whole, fraction = '', exponent] = /^([+-]?)(\d+)(?:\.(\d*))?(e.*)?$/i.exec(text) ?? [];
  if (whole === undefined) return JSON.stringify(text);
  if (exponent !== undefined) return String(Number(text));
  const digits = fraction.replace(/0+$/, '');
  const plain = `${whole.replace(/^0+(?=\d)/, '')}${digits ? `.${digits}` : ''}`;
  return sign === '-' && plain !== '0' ? `-${plain}` : plain;
}
