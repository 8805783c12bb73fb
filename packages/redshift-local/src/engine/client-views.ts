import {
  columnComment,
  columnPart,
  comment,
  database,
  eachColumn,
  empty,
  encodingId,
  idOf,
  isDistkey,
  namespaces,
  part,
  relationId,
  schemaId,
  smallint,
  sortPlace,
  style,
  typeId,
  userId,
  view,
} from './catalog-parts';
import { hasPrimaryKey, indexClasses, indexColumns, keyDependencies, keyViews } from './key-views';
import { boolean, char, integer, list, type SystemView, systemSchema, text, visibleRelations } from './system-parts';
import { typeIds } from './type-ids';

/**
 * The tables of PG_CATALOG that clients of PostgreSQL read when they list databases, relations and columns. A client
 * takes its queries from the version of the server, and newer clients ask for columns that came after version 8.0; those
 * have the values of a server without the feature.
 */

/** Types that only the catalog and literals have. */
const ownTypes: readonly (readonly [oid: number, name: string])[] = [
  [18, 'char'],
  [19, 'name'],
  [25, 'text'],
  [26, 'oid'],
  [705, 'unknown'],
];
const sizes = `case oid when 16 then 1 when 18 then 1 when 21 then 2 when 19 then 64 when 23 then 4 when 26 then 4 when 700 then 4 when 1082 then 4
  when 20 then 8 when 701 then 8 when 1083 then 8 when 1114 then 8 when 1184 then 8 else -1 end`;

/** Letters of privileges, as PostgreSQL abbreviates them in an access list. */
const letters = [
  ['insert', 'a'],
  ['select', 'r'],
  ['update', 'w'],
  ['delete', 'd'],
  ['references', 'x'],
  ['usage', 'U'],
  ['create', 'C'],
  ['temp', 'T'],
  ['drop', 'D'],
  ['truncate', 'D'],
  ['alter', 'A'],
] as const;
const letter = `case g.body->>'$.privilege' ${letters.map(([name, short]) => `when '${name}' then '${short}'`).join(' ')} end`;
/** The access list of an object; NULL without grants. */
const accessList = (type: string, object: string) =>
  `(select '{' || string_agg(item, ',' order by item) || '}' from (
     select (case g.body->>'$.grantee' when 'public' then '' else g.body->>'$.grantee' end) || '=' || string_agg(distinct ${letter}, '') || '/' || (g.body->>'$.grantor') as item
     from ${systemSchema}.objects as g where g.kind = 'grant' and (g.body->>'$.type') = '${type}' and (g.body->>'$.object') = ${object}
     group by g.body->>'$.grantee', g.body->>'$.grantor'))`;

const modifier = `(case ${columnPart('type.name')} when 'varchar' then ${columnPart('type.length')}::integer + 4 when 'char' then ${columnPart('type.length')}::integer + 4
  when 'decimal' then ${columnPart('type.precision')}::integer * 65536 + ${columnPart('type.scale')}::integer + 4 else -1 end)`;

const users = `(select (u.body->>'$.id')::integer as id, u.name, (u.body->>'$.superuser')::boolean as superuser from ${systemSchema}.objects as u where u.kind = 'user')`;

/** Numbers of distribution styles (https://docs.aws.amazon.com/redshift/latest/dg/r_PG_CLASS_INFO.html). */
const diststyle = `(case ${style} when 'even' then 0 when 'key' then 1 when 'all' then 8 else 9 end)`;

const pgClass = view(
  {
    oid: integer,
    relname: text(),
    relnamespace: integer,
    reltype: integer,
    relowner: integer,
    relam: integer,
    relfilenode: integer,
    reltablespace: integer,
    relpages: integer,
    reltuples: { name: 'real' },
    reltoastrelid: integer,
    reloftype: integer,
    relhasindex: boolean,
    relisshared: boolean,
    relkind: char(1),
    relnatts: smallint,
    relchecks: smallint,
    reltriggers: smallint,
    relhasoids: boolean,
    relhaspkey: boolean,
    relhasrules: boolean,
    relhastriggers: boolean,
    relhassubclass: boolean,
    relpersistence: char(1),
    reldiststyle: smallint,
    relacl: list('name'),
  },
  `select ${relationId()} as oid, ${part('name')} as relname, ${schemaId(part('schema'))} as relnamespace, 0 as reltype, ${userId(part('owner'))} as relowner,
    0 as relam, ${relationId()} as relfilenode, 0 as reltablespace, 0 as relpages, 0.001::real as reltuples, 0 as reltoastrelid, 0 as reloftype,
    ${hasPrimaryKey} as relhasindex, false as relisshared, case ${part('kind')} when 'table' then 'r' else 'v' end as relkind,
    json_array_length(r.body, '$.columns')::smallint as relnatts, 0::smallint as relchecks, 0::smallint as reltriggers, false as relhasoids, ${hasPrimaryKey} as relhaspkey,
    ${part('kind')} <> 'table' as relhasrules, false as relhastriggers, false as relhassubclass, 'p' as relpersistence,
    case ${part('kind')} when 'table' then ${diststyle} else 0 end::smallint as reldiststyle,
    ${accessList('table', `${part('schema')} || '.' || ${part('name')}`)} as relacl from ${visibleRelations} as r
  union all select ${indexClasses.id}, ${indexClasses.name}, ${schemaId(part('schema'))}, 0, ${userId(part('owner'))},
    403, ${indexClasses.id}, 0, 0, 0::real, 0, 0, false, false, 'i', ${indexClasses.columns}, 0::smallint, 0::smallint, false, false,
    false, false, false, 'p', 0::smallint, null from ${indexClasses.from}`,
);

const attributes = (relation: string, from: string) =>
  `select ${relation} as attrelid, ${columnPart('name')} as attname, ${typeId} as atttypid, -1 as attstattarget, (select (${sizes})::smallint from (select ${typeId} as oid)) as attlen,
    c.place::smallint as attnum, 0 as attndims, ${modifier} as atttypmod, 'p' as attstorage, coalesce(${columnPart('notNull')} = 'true', false) as attnotnull,
    ${columnPart('defaultValue')} is not null as atthasdef, false as attisdropped, true as attislocal, 0 as attinhcount, 0 as attcollation, '' as attidentity, '' as attgenerated,
    null::varchar as attacl, ${isDistkey} as attisdistkey, ${sortPlace} as attsortkeyord, ${encodingId}::smallint as attencodingtype from ${from}`;

const pgAttribute = view(
  {
    attrelid: integer,
    attname: text(),
    atttypid: integer,
    attstattarget: integer,
    attlen: smallint,
    attnum: smallint,
    attndims: integer,
    atttypmod: integer,
    attstorage: char(1),
    attnotnull: boolean,
    atthasdef: boolean,
    attisdropped: boolean,
    attislocal: boolean,
    attinhcount: integer,
    attcollation: integer,
    attidentity: text(1),
    attgenerated: text(1),
    attacl: list('name'),
    attisdistkey: boolean,
    attsortkeyord: integer,
    attencodingtype: smallint,
  },
  `${attributes(relationId(), eachColumn())} union all ${attributes(indexColumns.id, indexColumns.from)}`,
);

const pgType = view(
  {
    oid: integer,
    typname: text(),
    typnamespace: integer,
    typowner: integer,
    typlen: smallint,
    typtype: char(1),
    typcategory: char(1),
    typisdefined: boolean,
    typdelim: char(1),
    typrelid: integer,
    typelem: integer,
    typnotnull: boolean,
    typbasetype: integer,
    typtypmod: integer,
    typndims: integer,
    typcollation: integer,
    typdefault: text(),
    typinput: integer,
    typoutput: integer,
  },
  `select oid, typname, ${schemaId(`'pg_catalog'`)} as typnamespace, 1 as typowner, (${sizes})::smallint as typlen, 'b' as typtype,
    case when oid = 16 then 'B' when oid in (20, 21, 23, 26, 700, 701, 1700) then 'N' when oid in (1082, 1083, 1114, 1184) then 'D' when oid in (4000, 6551, 705) then 'U' else 'S' end as typcategory, true as typisdefined, ',' as typdelim,
    0 as typrelid, 0 as typelem, false as typnotnull, 0 as typbasetype, -1 as typtypmod, 0 as typndims, 0 as typcollation, null::varchar as typdefault,
    ${idOf('function', `typname || 'in'`)} as typinput, ${idOf('function', `typname || 'out'`)} as typoutput
    from (values ${[...typeIds, ...ownTypes].map(([oid, name]) => `(${oid}, '${name}')`).join(', ')}) as t(oid, typname)`,
);

const pgDatabase = view(
  {
    oid: integer,
    datname: text(),
    datdba: integer,
    encoding: integer,
    datcollate: text(),
    datctype: text(),
    datistemplate: boolean,
    datallowconn: boolean,
    dattablespace: integer,
    datacl: list('name'),
  },
  `select ${idOf('database', database)} as oid, ${database} as datname, (select min(id) from ${users} where superuser) as datdba, 6 as encoding,
    'en_US.UTF-8' as datcollate, 'en_US.UTF-8' as datctype, false as datistemplate, true as datallowconn, 0 as dattablespace, ${accessList('database', database)} as datacl`,
);

const pgRoles = view(
  {
    oid: integer,
    rolname: text(),
    rolsuper: boolean,
    rolinherit: boolean,
    rolcreaterole: boolean,
    rolcreatedb: boolean,
    rolcanlogin: boolean,
    rolreplication: boolean,
    rolconnlimit: integer,
    rolvaliduntil: { name: 'timestamptz' },
  },
  `select id as oid, name as rolname, superuser as rolsuper, true as rolinherit, superuser as rolcreaterole, superuser as rolcreatedb, true as rolcanlogin,
    false as rolreplication, -1 as rolconnlimit, null::timestamptz as rolvaliduntil from ${users}`,
);

/** Number of the rule that a view is in PostgreSQL. */
const ruleId = idOf('rule', `${part('schema')} || '.' || ${part('name')}`);

export const clientViews: readonly (readonly [name: string, view: SystemView])[] = [
  ['pg_class', pgClass],
  ['pg_attribute', pgAttribute],
  ...keyViews,
  ['pg_type', pgType],
  ['pg_database', pgDatabase],
  ['pg_roles', pgRoles],
  ['pg_auth_members', empty({ roleid: integer, member: integer, grantor: integer, admin_option: boolean })],
  [
    'pg_attrdef',
    view(
      { adrelid: integer, adnum: smallint, adbin: text(65_535), adsrc: text(65_535) },
      `select ${relationId()} as adrelid, c.place::smallint as adnum, ${columnPart('defaultValue')} as adbin, ${columnPart('defaultValue')} as adsrc
        from ${eachColumn()} where ${columnPart('defaultValue')} is not null`,
    ),
  ],
  [
    'pg_namespace',
    view(
      { oid: integer, nspname: text(), nspowner: integer, nspacl: list('name') },
      `select ${schemaId('n.name')} as oid, n.name as nspname, n.owner as nspowner, ${accessList('schema', 'n.name')} as nspacl from ${namespaces} as n`,
    ),
  ],
  [
    'pg_description',
    view(
      { objoid: integer, classoid: integer, objsubid: integer, description: text(65_535) },
      `select ${relationId()} as objoid, 1259 as classoid, 0 as objsubid, ${comment} as description from ${visibleRelations} as r where ${comment} is not null
        union all select ${relationId()}, 1259, c.place, ${columnComment} from ${eachColumn()} where ${columnComment} is not null`,
    ),
  ],
  ['pg_inherits', empty({ inhrelid: integer, inhparent: integer, inhseqno: integer })],
  ['pg_trigger', empty({ oid: integer, tgrelid: integer, tgname: text(), tgenabled: boolean, tgisinternal: boolean })],
  [
    'pg_rewrite',
    view(
      { oid: integer, ev_class: integer, rulename: text(), ev_type: char(1), is_instead: boolean },
      `select ${ruleId} as oid, ${relationId()} as ev_class, '_RETURN' as rulename, '1' as ev_type, true as is_instead
        from ${visibleRelations} as r where ${part('kind')} <> 'table'`,
    ),
  ],
  // What the query of a view names. The view's rule depends on it.
  [
    'pg_depend',
    view(
      {
        classid: integer,
        objid: integer,
        objsubid: integer,
        refclassid: integer,
        refobjid: integer,
        refobjsubid: integer,
        deptype: char(1),
      },
      `select 2618 as classid, ${ruleId} as objid, 0 as objsubid, 1259 as refclassid, ${idOf('relation', `(b.value->>'$.schema') || '.' || (b.value->>'$.name')`)} as refobjid,
        0 as refobjsubid, 'n' as deptype from ${visibleRelations} as r, lateral (select value from json_each(r.body, '$.reads')) as b
        union all ${keyDependencies}`,
    ),
  ],
  ['pg_collation', empty({ oid: integer, collname: text(), collnamespace: integer })],
  // No function can be created here, and those of Redshift are not listed.
  [
    'pg_proc',
    empty({
      oid: integer,
      proname: text(),
      pronamespace: integer,
      proowner: integer,
      proisagg: boolean,
      proiswindow: boolean,
      prorettype: integer,
      pronargs: smallint,
      prosrc: text(65_535),
    }),
  ],
  // https://docs.aws.amazon.com/redshift/latest/dg/r_PG_PROC_INFO.html
  [
    'pg_proc_info',
    empty({
      prooid: integer,
      proname: text(),
      pronamespace: integer,
      proowner: integer,
      prolang: integer,
      proisagg: boolean,
      prosecdef: boolean,
      proisstrict: boolean,
      proretset: boolean,
      provolatile: char(1),
      pronargs: smallint,
      prorettype: integer,
      proargtypes: list('integer'),
      proallargtypes: list('integer'),
      proargmodes: list('name'),
      proargnames: list('name'),
      prosrc: text(65_535),
      proacl: list('name'),
      prokind: char(1),
    }),
  ],
  // Tables that were created with BACKUP NO, which has no effect on RA3 nodes.
  ['pg_conf', empty({ key: text(), value: text() })],
  ['pg_tablespace', empty({ oid: integer, spcname: text(), spcowner: integer })],
];
