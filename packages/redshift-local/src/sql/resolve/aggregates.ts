import type { Expression } from '../ast';

/**
 * Whether an expression contains one of these functions outside of its subqueries. For a window function, only the
 * arguments count.
 */
export function holdsAggregate(node: Expression | undefined, isAggregate: (name: string) => boolean): boolean {
  if (!node) return false;
  if (node.kind === 'call' && !node.over && isAggregate(node.name)) return true;
  return childrenOf(node).some((child) => holdsAggregate(child, isAggregate));
}

/** Whether an expression contains a window function outside of its subqueries. */
export function holdsWindow(node: Expression): boolean {
  return (node.kind === 'call' && node.over !== undefined) || childrenOf(node).some(holdsWindow);
}

function isExpression(value: unknown): value is Expression {
  return typeof value === 'object' && value !== null && 'kind' in value && 'at' in value;
}

/** The direct subexpressions. Subqueries are not entered. */
function childrenOf(node: Expression): Expression[] {
  const children: Expression[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (isExpression(value)) children.push(value);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(visit);
  };
  for (const [name, value] of Object.entries(node)) if (name !== 'query') visit(value);
  return children;
}

const sizes = new WeakMap<Expression, number>();

/** Number of expressions in an expression, including itself. */
export function sizeOf(node: Expression): number {
  const known = sizes.get(node);
  if (known !== undefined) return known;
  const size = childrenOf(node).reduce((sum, child) => sum + sizeOf(child), 1);
  sizes.set(node, size);
  return size;
}
