/** Numbers of the objects of the catalog. */

/** Returns an object's number. It is made from the name, because the catalog has no other numbers. */
export const idOf = (kind: string, name: string, count = 1_000_000_000) =>
  `cast(hash('${kind}/' || ${name}) % ${count} as integer) + 100000`;

/** Numbers of the tables of PG_CATALOG that others refer to, as PostgreSQL 8.0 has them. */
export const catalogIds: Readonly<Record<string, number>> = {
  pg_type: 1247,
  pg_attribute: 1249,
  pg_proc: 1255,
  pg_class: 1259,
  pg_database: 1262,
  pg_constraint: 2606,
  pg_namespace: 2615,
  pg_rewrite: 2618,
};

/** Encodings of columns. Their numbers are places in this list. */
export const encodingNames =
  `none az64 bytedict delta delta32k lzo mostly8 mostly16 mostly32 runlength text255 text32k zstd`.split(' ');
