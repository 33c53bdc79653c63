import type { Submission } from '@mailx/proto/client/v1/client_service'

/** What a submission takes up: its sealed bytes. */
export function sizeOf({ content, envelopes }: Submission): number {
  let bytes = content.length
  for (const envelope of envelopes) bytes += envelope.length
  return bytes
}
