import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { call } from './client';
import { type Block, blocksOf, type Span } from './markdown';
import { Failed } from './parts';

interface Props {
  readonly heading: string;
  /** @default - the heading */
  readonly children?: ComponentChildren;
}

/** What to do about an alarm: its section of the runbook, read when it is opened. */
export function Runbook({ heading, children }: Props) {
  const text = useSignal<string | undefined>(undefined);
  const error = useSignal<string | undefined>(undefined);
  const open = async () => {
    if (text.value !== undefined) return;
    try {
      text.value = (await call('/api/runbook', { heading })).text;
      error.value = undefined;
    } catch (thrown) {
      error.value = (thrown as Error).message;
    }
  };
  return (
    <details class="runbook" onToggle={(event) => event.currentTarget.open && void open()}>
      <summary>{children ?? `What to do: ${heading}`}</summary>
      <Failed error={error.value} />
      {text.value !== undefined && blocksOf(text.value).map((block, n) => <Shown key={n} block={block} />)}
    </details>
  );
}

const Shown = ({ block }: { readonly block: Block }) =>
  block.kind === 'paragraph' ? (
    <p>
      <Line spans={block.spans} />
    </p>
  ) : (
    <ul>
      {block.items.map((spans, n) => (
        <li key={n}>
          <Line spans={spans} />
        </li>
      ))}
    </ul>
  );

const tags = { code: 'code', strong: 'strong', emphasis: 'em' } as const;

const Line = ({ spans }: { readonly spans: readonly Span[] }) => (
  <>
    {spans.map(({ kind, text }, n) => {
      if (kind === 'text') return text;
      const Tag = tags[kind];
      return <Tag key={n}>{text}</Tag>;
    })}
  </>
);
