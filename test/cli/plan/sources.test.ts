import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App } from 'aws-cdk-lib';
import { withAssemblyOf } from '../../../cli/plan/git-ref';
import { makePlan } from '../../../cli/plan/make-plan';
import { stateOfRow } from '../../../cli/plan/read-deployed';
import { type ObjectState, treeStates } from '../../../cli/plan/state';
import { statesOfTemplate, templatesIn } from '../../../cli/plan/template';
import type { Row } from '../../../lambda/shared/warehouse';
import { parseObject } from '../../../lambda/warehouse-object/properties';
import { recordOf } from '../../../lambda/warehouse-object/registry';
import { StatementTexts } from '../../../lib/warehouse/statement-texts';
import type { Pipeline } from '../../../pipelines/definition';
import { warehouseObjects } from '../../../sql';
import { shopPipeline, templates, testEnvironment } from '../../lib/fixtures';
import { shop } from './sample';

const folder = mkdtempSync(join(tmpdir(), 'millrace-plan-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const templateOf = (pipeline: Pipeline) => templates({}, [pipeline]).pipelines.toJSON();
/** Names that only CloudFormation knows. */
const withoutTokens = (states: readonly ObjectState[]) =>
  JSON.parse(
    JSON.stringify(states)
      .replace(/<[A-Za-z][\w .:-]*>/g, '<token>')
      .replaceAll('millrace-test-shop', '<token>'),
  ) as ObjectState[];
const byName = (states: readonly ObjectState[]) =>
  [...states].sort((one, other) => (`${one.kind} ${one.name}` < `${other.kind} ${other.name}` ? -1 : 1));

describe('a template', () => {
  test('has the very objects that the tree has: what cdk diff shows is what a plan shows', () => {
    // Long statements lie in the asset of the function, beside the templates of the assembly.
    const [assembly, asset] = [join(folder, 'cdk.out', 'assembly-test'), join(folder, 'cdk.out', 'asset.one')];
    for (const path of [assembly, asset]) mkdirSync(path, { recursive: true });
    writeFileSync(join(asset, 'plan.json'), JSON.stringify(new StatementTexts([shopPipeline()]).plan));
    const states = statesOfTemplate(file('cdk.out/assembly-test/shop.json', templateOf(shopPipeline())));
    const tree = treeStates(testEnvironment(), [shopPipeline()]);
    expect(byName(withoutTokens(states))).toEqual(byName(withoutTokens(tree)));
  });

  test('without its assembly has no long statements, and says so', () => {
    const states = statesOfTemplate(file('alone.json', templateOf(shopPipeline())));
    const landing = states.find(({ kind }) => kind === 'landing-view')!;
    expect(landing).toMatchObject({ create: expect.any(Array), remove: undefined });
    const { steps } = makePlan('test', 'a template', {
      before: [{ ...landing, name: 'shop.landing_00000000', version: '00000000' }],
      after: states,
    });
    expect(steps.filter(({ when }) => when === 'cleanup')).toEqual([
      expect.objectContaining({ object: 'landing view shop.landing', statements: null }),
    ]);
  });

  test('of an edit has every statement of its plan, those that remove in the one before it', () => {
    const edited = shopPipeline({
      views: shopPipeline().views.map((view) => ({ ...view, query: `${view.query} having count(*) > 1` })),
    });
    const [before, after] = [templateOf(shopPipeline()), templateOf(edited)];
    const sides = {
      before: statesOfTemplate(file('before.json', before)),
      after: statesOfTemplate(file('after.json', after)),
    };
    const { steps } = makePlan('test', 'a template', sides);
    expect(steps.map(({ when, name }) => `${when} ${name}`)).toEqual([
      'update create',
      'update refresh',
      'update switch',
      'cleanup drop',
    ]);
    // Statements travel as JSON text within the JSON of the template.
    for (const { when, statements } of steps)
      for (const sql of statements!)
        expect(JSON.stringify(when === 'update' ? after : before)).toContain(
          JSON.stringify(JSON.stringify(sql).slice(1, -1)).slice(1, -1),
        );
  });

  test('compared by cdk diff, without credentials, shows the statements of the plan', () => {
    const city = { name: 'city', path: ['city'], type: 'varchar', maxBytes: 40, fill: true } as const;
    const { columns, views } = shopPipeline();
    const edited = shopPipeline({
      columns: [...columns, city],
      views: views.map((view) => ({
        ...view,
        query: view.query.replace('as visits', 'as visits, max(city) as last_city'),
      })),
    });
    const deployed = file('deployed.json', templateOf(shopPipeline()));
    const { directory } = (templates({}, [edited]).stage.node.root as App).synth();
    const cli = join(__dirname, '..', '..', '..', 'node_modules', 'aws-cdk', 'bin', 'cdk');
    const args = [
      'diff',
      '--exclusively',
      '--app',
      directory,
      '--template',
      deployed,
      '--no-color',
      '--no-notices',
      'test/Pipelines',
    ];
    // Nothing of the environment: no credentials, no profile, no region.
    const env = {
      PATH: process.env['PATH'],
      HOME: folder,
      AWS_EC2_METADATA_DISABLED: 'true',
      CDK_DISABLE_CLI_TELEMETRY: 'true',
      CI: 'true',
    };
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
      env,
      encoding: 'utf8',
      cwd: folder,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.not.stringContaining('rror') });
    const sides = { before: statesOfTemplate(deployed), after: treeStates(testEnvironment(), [edited]) };
    const told = makePlan('test', 'a template', sides).steps.flatMap(({ statements }) => statements ?? []);
    // What only the function knows: how a view is switched whose columns change, and what was granted on it.
    const templated = told.filter((sql) => !/^(--|drop view)/.test(sql));
    const missing = templated.filter((sql) => !stdout.includes(JSON.stringify(sql).slice(1, -1)));
    expect(missing).toEqual([]);
    for (const sql of [
      'add column city',
      'update shop.events_51d923f4',
      'create materialized view',
      'create or replace view shop.hourly_visits',
    ])
      expect(templated.filter((statement) => statement.includes(sql))).not.toEqual([]);
  }, 120_000);

  test('comes with each object after those that it depends on', () => {
    const names = statesOfTemplate(file('order.json', templateOf(shopPipeline()))).map(({ kind }) => kind);
    expect(names.indexOf('schema')).toBeGreaterThan(names.indexOf('pipeline'));
    expect(names.indexOf('table')).toBeGreaterThan(names.indexOf('owner'));
    expect(names.indexOf('public-view')).toBeGreaterThan(names.indexOf('schema'));
  });

  test.each([
    ['text.json', 'Resources:', /--from .*text\.json is not JSON/],
    ['list.json', [], /is not a CloudFormation template: it has no Resources/],
    ['null.json', 'null', /is not a CloudFormation template: it has no Resources/],
    ['data.json', { Resources: { Key: { Type: 'AWS::KMS::Key' } } }, /has no resource of type Custom::WarehouseObject/],
    [
      'later.json',
      { Resources: { Odd: { Type: 'Custom::WarehouseObject', Properties: { name: 'x', kind: 'index' } } } },
      /Odd cannot be read by this version: kind must be one of/,
    ],
  ])('that is none is refused: %s', (name, content, message) => {
    expect(() => statesOfTemplate(file(name, content))).toThrow(message);
  });
});

describe('a cloud assembly', () => {
  const assembly = join(folder, 'cdk.out');
  beforeAll(() => {
    mkdirSync(join(assembly, 'assembly-test'), { recursive: true });
    const nested = {
      artifacts: { 'assembly-test': { type: 'cdk:cloud-assembly', properties: { directoryName: 'assembly-test' } } },
    };
    const artifact = (name: string) => ({
      type: 'aws:cloudformation:stack',
      properties: { stackName: `millrace-test-${name}`, templateFile: `${name}.template.json` },
    });
    const stack = {
      artifacts: { more: artifact('pipelines-more'), data: artifact('data'), main: artifact('pipelines') },
    };
    writeFileSync(join(assembly, 'manifest.json'), JSON.stringify(nested));
    writeFileSync(join(assembly, 'assembly-test', 'manifest.json'), JSON.stringify(stack));
  });

  test('has the templates of the environment, the main one first', () => {
    expect(templatesIn(assembly, 'test')).toEqual(
      ['pipelines', 'pipelines-more'].map((name) => join(assembly, 'assembly-test', `${name}.template.json`)),
    );
  });

  test('of another environment is refused with what there is', () => {
    expect(() => templatesIn(assembly, 'prod')).toThrow(
      /has no stack millrace-prod-pipelines, only millrace-test-pipelines/,
    );
    expect(() => templatesIn(folder, 'prod')).toThrow(/is not a cloud assembly: it has no manifest\.json with stacks/);
  });
});

describe('a git ref', () => {
  const repository = join(folder, 'repository');
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: repository,
      stdio: 'pipe',
    });
  const commit = (app: string | undefined, tag: string) => {
    if (app === undefined) rmSync(join(repository, 'bin', 'app.js'), { force: true });
    else writeFileSync(join(repository, 'bin', 'app.js'), app);
    git('add', '-A');
    git('commit', '--quiet', '--allow-empty', '-m', tag);
    git('tag', tag);
  };
  beforeAll(() => {
    mkdirSync(join(repository, 'bin'), { recursive: true });
    git('init', '--quiet');
    const app = (version: number) => `
      const { mkdirSync, writeFileSync, existsSync } = require('node:fs');
      mkdirSync(process.env.CDK_OUTDIR);
      const said = { version: ${version}, context: process.env.CDK_CONTEXT_JSON, packages: existsSync('node_modules/typescript') };
      writeFileSync(process.env.CDK_OUTDIR + '/manifest.json', JSON.stringify(said));`;
    commit(app(1), 'first');
    commit("throw new Error('Cannot find module x')", 'broken');
    commit(undefined, 'empty');
    commit(app(2), 'second');
  });
  const read = (ref: string) =>
    withAssemblyOf(
      ref,
      'prod',
      (assembly) => JSON.parse(execFileSync('cat', [join(assembly, 'manifest.json')], { encoding: 'utf8' })),
      repository,
    );

  test('is synthesized by its own code, for the environment, with the packages that are here', async () => {
    const common = { context: '{"environment":"prod"}', packages: true };
    expect(await read('first')).toEqual({ version: 1, ...common });
    expect(await read('HEAD')).toEqual({ version: 2, ...common });
    expect(execFileSync('git', ['status', '--porcelain', '--ignored'], { cwd: repository, encoding: 'utf8' })).toBe('');
  });

  test.each([
    ['broken', /--from broken: [0-9a-f]{10} cannot be synthesized with the packages that are installed here/],
    ['empty', /--from empty: [0-9a-f]{10} has no bin\/app\.js to synthesize/],
    ['nothing-of-the-kind', /--from must be a git ref, a template or a cloud assembly, got 'nothing-of-the-kind'/],
    ['--exec=x', /--from must be a git ref, a template or a cloud assembly, got '--exec=x'/],
  ])('%s is refused', async (ref, message) => {
    await expect(read(ref)).rejects.toThrow(message);
  });
});

describe('a row of the registry', () => {
  const tokens = { streamName: 's', streamRoleArn: 'arn', database: 'd' };
  const row = (properties: object): Row => {
    const object = parseObject({ ...properties, onRemoval: 'keep' });
    const { version, definition, removal } = recordOf(object, []);
    return { name: object.name, kind: object.kind, version, definition, removal };
  };

  test('says of an object what its template said', () => {
    const columns = shop().columns.map((column) => ({ ...column, fill: column.name === 'amount' }));
    for (const { properties } of warehouseObjects(shop({ columns }), tokens)) {
      const {
        checks: _,
        unread: __,
        events: ___,
        rebuild: ____,
        ...state
      } = parseObject({ ...properties, onRemoval: 'keep' });
      const { delete: remove, columns, fill, ...rest } = state;
      expect(stateOfRow(row(properties))).toEqual({
        ...rest,
        remove,
        columns: columns?.map(({ name, type }) => ({ name, type })),
        ...(fill && { filled: fill.columns }),
        checks: undefined,
        unread: undefined,
        events: undefined,
      });
    }
  });

  test('whose definition was too long still tells that the object is there', () => {
    const { properties } = warehouseObjects(shop(), tokens).find(({ id }) => id === 'Landing')!;
    const state = stateOfRow({ ...row(properties), definition: null, removal: null });
    expect(state).toMatchObject({ kind: 'landing-view', pipeline: 'shop', create: undefined, remove: undefined });
    const { steps } = makePlan('prod', 'the registry', {
      before: [{ ...state, name: 'shop.landing_00000000', version: '00000000' }],
      after: [state],
    });
    expect(steps.map(({ when, statements }) => [when, statements])).toEqual([
      ['update', null],
      ['cleanup', null],
    ]);
  });
});
