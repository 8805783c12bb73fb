import { pipelines } from '../../pipelines';
import { findEnvironment } from '../cloud/environments';
import type { Tree } from './deployed-tree';

const tree: Tree = { environment: findEnvironment(process.argv[2] ?? ''), pipelines };
process.stdout.write(JSON.stringify(tree));
