/**
 * What `npx millrace --help` shows of each command, as `[usage, summary]`. A copy, so that the overview need not load
 * every command. A test compares it with the commands.
 */
export const overview: Readonly<Record<string, readonly [usage: string, summary: string]>> = {
  local: ['local [options]', 'run the dev environment on this machine'],
  new: ['new [options] <name>', 'make a pipeline from a sample of your own data'],
  test: ['test [options] [name]', 'run the tests of views and endpoints'],
  jump: ['jump [options] <duration>', 'move the clock of the running local environment forward'],
  pause: ['pause [options]', 'pause the cluster of the running local environment'],
  resume: ['resume [options]', 'resume the cluster of the running local environment'],
  deploy: ['deploy [options]', 'deploy this tree to the running local environment'],
  generate: ['generate [options]', 'generate sample events into a file or onto a stream'],
  tail: ['tail [options] <stream>', 'watch the records of a stream as they arrive'],
  read: ['read [options] <stream>', 'copy the records of a stream, and go on where the last copy ended'],
  replay: ['replay [options] <source>', 'put records of a file, an archive or another stream onto a stream'],
  sql: ['sql [options] <query>', 'run one statement in the running local warehouse'],
  ui: ['ui [options]', 'open the page of the local runtime in a browser'],
  dbt: ['dbt', 'write a dbt project over the pipelines'],
  api: ['api', 'make tokens for endpoints, list and call them'],
  endpoints: [
    'endpoints [options]',
    'print the settings with which any AWS SDK or the AWS CLI reaches the local services',
  ],
  files: ['files [options]', 'compare the history bucket with the ledger'],
  backfill: ['backfill [options]', 'load older history, or records from the archive'],
  redrive: ['redrive [options]', 'retry objects that could not be loaded'],
  reprocess: ['reprocess [options] <key>', 'load one object that could not be loaded'],
  duplicates: ['duplicates [options]', 'reload duplicates of history after a change of identity'],
  rejects: ['rejects [options]', 'list rejected records, or merge them again'],
  why: ['why [options] <event...>', 'find one event, or say why it is missing'],
  cost: ['cost [options] [environments...]', 'what an environment costs, computed from its templates'],
  preflight: ['preflight [options] <environment>', 'report what will fail in the first deployment to an account'],
  handover: ['handover [options] <environment>', 'print what the owners of your own stream and bucket have to add'],
  plan: ['plan [options] [environment]', 'show what a deployment of this tree would do'],
  exports: ['exports', 'show what is published, publish what is due, verify the files'],
  partners: ['partners', 'list partners, write the page to send, verify what their roles open'],
  smoke: [
    'smoke [options] [environment]',
    'prove a deployed environment: marked events from end to end, partners, freshness, alarms',
  ],
  warehouse: ['warehouse [options]', 'serve the Redshift Data API alone, for any SDK'],
  conformance: ['conformance [options]', 'compare the local warehouse, or a real one, with Redshift’s documentation'],
};
