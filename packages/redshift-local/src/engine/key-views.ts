import { idOf, part, relationId, schemaId, smallint, view } from './catalog-parts';
import { boolean, char, integer, list, type SystemView, systemSchema, text, visibleRelations } from './system-parts';

/** The keys that tables declare, as PG_CATALOG shows them: constraints, and an index for each key of the table's own rows. */

const keyPart = (path: string) => part(path, 'k.body');
const ownName = `${part('schema')} || '.' || ${part('name')} || '.' || ${keyPart('name')}`;
const eachKey = `${visibleRelations} as r, lateral (select value as body from json_each(r.body, '$.keys.constraints')) as k`;
const hasIndex = `${keyPart('kind')} <> 'foreign'`;
/** AWS's v_generate_tbl_ddl sorts by these numbers, and has room for eight digits. */
const constraintId = idOf('constraint', ownName, 90_000_000);
const indexId = idOf('index', ownName);
const keyColumns = `cast(k.body->'$.columns' as varchar[])`;

/** Places of columns in a relation, with something between them. */
const places = (columns: string, relation: string, between: string) =>
  `array_to_string(list_transform(${columns}, lambda name: list_position(json_extract_string(${relation}, '$.columns[*].name'), name)), '${between}')`;

/** The table that a foreign key refers to, and the columns there. */
const withTarget = `${eachKey} left join ${systemSchema}.objects as t on t.kind = 'relation' and t.name = ${keyPart('table')}`;
const primaryOfTarget = `(select p.value->'$.columns' from json_each(t.body, '$.keys.constraints') as p where (p.value->>'$.kind') = 'primary')`;
const targetColumns = `cast(coalesce(k.body->'$.references', ${primaryOfTarget}) as varchar[])`;

/** The indexes, as rows of PG_CLASS. */
export const indexClasses = {
  from: `${eachKey} where ${hasIndex}`,
  id: indexId,
  name: keyPart('name'),
  columns: `len(${keyColumns})::smallint`,
};

/** The columns of the indexes: their place there, and the column of the table. */
export const indexColumns = {
  from: `${eachKey}, lateral (select unnest(range(1, len(${keyColumns}) + 1)) as place, unnest(${keyColumns}) as name) as n,
    lateral (select n.place as place, value as body from json_each(r.body, '$.columns') where (value->>'$.name') = n.name) as c where ${hasIndex}`,
  id: indexId,
};

/** What a foreign key depends on: the index of the key that it refers to. */
export const keyDependencies = `select 2606 as classid, ${constraintId} as objid, 0 as objsubid, 1259 as refclassid,
    ${idOf('index', `(t.body->>'$.schema') || '.' || (t.body->>'$.name') || '.' || (u.value->>'$.name')`)} as refobjid, 0 as refobjsubid, 'n' as deptype
  from ${withTarget}, lateral (select value from json_each(t.body, '$.keys.constraints')) as u
  where ${keyPart('kind')} = 'foreign' and (u.value->>'$.kind') <> 'foreign' and cast(u.value->'$.columns' as varchar[]) = ${targetColumns}`;

const quoted = (columns: string) =>
  `array_to_string(list_transform(${columns}, lambda name: case when regexp_full_match(name, '[a-z_][a-z0-9_$]*') then name else '"' || replace(name, '"', '""') || '"' end), ', ')`;
const definition = `case ${keyPart('kind')} when 'primary' then 'PRIMARY KEY (' || ${quoted(keyColumns)} || ')' when 'unique' then 'UNIQUE (' || ${quoted(keyColumns)} || ')'
  else 'FOREIGN KEY (' || ${quoted(keyColumns)} || ') REFERENCES ' || ${keyPart('table')} || '(' || ${quoted(targetColumns)} || ')' end`;

export const hasPrimaryKey = `exists (select 1 from json_each(r.body, '$.keys.constraints') as k where (k.value->>'$.kind') = 'primary')`;

export const keyViews: readonly (readonly [name: string, view: SystemView])[] = [
  [
    'pg_constraint',
    view(
      {
        oid: integer,
        conname: text(),
        connamespace: integer,
        contype: char(1),
        condeferrable: boolean,
        condeferred: boolean,
        conrelid: integer,
        contypid: integer,
        confrelid: integer,
        confupdtype: char(1),
        confdeltype: char(1),
        confmatchtype: char(1),
        conkey: list('integer'),
        confkey: list('integer'),
        conbin: text(),
        consrc: text(),
      },
      `select ${constraintId} as oid, ${keyPart('name')} as conname, ${schemaId(part('schema'))} as connamespace, left(${keyPart('kind')}, 1) as contype,
        false as condeferrable, false as condeferred, ${relationId()} as conrelid, 0 as contypid, case when ${hasIndex} then 0 else ${relationId('t.body')} end as confrelid,
        case when ${hasIndex} then ' ' else 'a' end as confupdtype, case when ${hasIndex} then ' ' else 'a' end as confdeltype, case when ${hasIndex} then ' ' else 'u' end as confmatchtype,
        '{' || ${places(keyColumns, 'r.body', ',')} || '}' as conkey, case when ${hasIndex} then null else '{' || ${places(targetColumns, 't.body', ',')} || '}' end as confkey,
        null::varchar as conbin, null::varchar as consrc, ${definition} as millrace_definition
        from ${withTarget} where ${hasIndex} or t.name is not null`,
    ),
  ],
  [
    'pg_index',
    view(
      {
        indexrelid: integer,
        indrelid: integer,
        indkey: list('integer'),
        indnatts: smallint,
        indisunique: boolean,
        indisprimary: boolean,
        indisclustered: boolean,
        indexprs: text(),
        indpred: text(),
      },
      `select ${indexId} as indexrelid, ${relationId()} as indrelid, ${places(keyColumns, 'r.body', ' ')} as indkey, len(${keyColumns})::smallint as indnatts,
        true as indisunique, ${keyPart('kind')} = 'primary' as indisprimary, false as indisclustered, null::varchar as indexprs, null::varchar as indpred
        from ${eachKey} where ${hasIndex}`,
    ),
  ],
  // The methods of PostgreSQL 8.0. An index of a key is of the first.
  [
    'pg_am',
    view(
      { oid: integer, amname: text() },
      `select * from (values (403, 'btree'), (402, 'rtree'), (405, 'hash'), (783, 'gist')) as m(oid, amname)`,
    ),
  ],
];
