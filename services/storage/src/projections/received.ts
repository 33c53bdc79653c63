import { receptionEvents } from '@mailx/events/reception'
import { type Projection, writeOnlyProjection } from '@mailx/processors/projection'
import { Disposition } from '@mailx/proto/reception/v1/events'
import { type AnnounceEvents, announcing } from './announce.ts'
import { changeOfEntry, entriesOfReception } from './entry-row.ts'
import { insertAttachments, insertEntries } from './insert-entries.ts'

/** What other domains sent to our users. A reception that was dropped leaves no trace here. */
export const receivedProjection = (announce: AnnounceEvents): Projection<typeof receptionEvents> =>
  writeOnlyProjection({
    name: 'storage.received',
    contexts: ['reception'],
    events: receptionEvents,
    tables: ['storage.entries_received', 'storage.attachments_received', 'storage.usage_received'],
    statements(events) {
      const kept = events.filter(({ data }) => data.disposition === Disposition.DELIVER)
      const messages = kept.map(({ data }) => data)
      return [
        ...insertEntries('received', kept.flatMap(entriesOfReception)),
        ...insertAttachments('received', messages),
      ]
    },
    ...announcing(announce, (event) => entriesOfReception(event).map(changeOfEntry)),
  })
