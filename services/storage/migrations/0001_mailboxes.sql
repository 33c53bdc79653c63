-- Up Migration

create schema if not exists storage;

-- Every table but the last is written from one context only, and joined on reading: rebuilding one
-- of them gives the same rows, whatever happened in the others meanwhile.

-- From `submission`: copies for our users of what our users sent.
create table storage.entries_submitted (
  mailbox text collate "C" not null,
  partition text collate "C" not null,
  position bigint not null,
  message_id bytea not null,
  sender text collate "C" not null,
  created_at bigint not null,
  received_at bigint not null,
  size int not null,
  content_hash bytea not null,
  envelope_hash bytea not null,
  primary key (mailbox, partition, position)
);
create index entries_submitted_message on storage.entries_submitted (mailbox, message_id);
create index entries_submitted_content on storage.entries_submitted using hash (content_hash);

-- Parts of attachments that a content names, by the content that they belong to.
create table storage.attachments_submitted (
  hash bytea not null,
  content_hash bytea not null,
  primary key (hash, content_hash)
);
create index attachments_submitted_content on storage.attachments_submitted (content_hash);

-- Copies that leave for other domains. Pending until storage.outcomes says otherwise.
create table storage.remote_copies (
  message_id bytea not null,
  recipient text collate "C" not null,
  sender text collate "C" not null,
  content_hash bytea not null,
  envelope_hash bytea not null,
  primary key (message_id, recipient, sender)
);
create index remote_copies_content on storage.remote_copies using hash (content_hash);

-- Kept per partition, so that writers of different partitions never wait for each other.
create table storage.usage_submitted (
  mailbox text collate "C" not null,
  partition text collate "C" not null,
  bytes bigint not null,
  messages bigint not null,
  primary key (mailbox, partition)
) with (fillfactor = 50);

-- From `reception`: what other domains sent to our users.
create table storage.entries_received (like storage.entries_submitted including all);
create table storage.attachments_received (like storage.attachments_submitted including all);
create table storage.usage_received (like storage.usage_submitted including all)
  with (fillfactor = 50);

-- From `delivery`: how far the copies for other domains got.
create table storage.outcomes (
  message_id bytea not null,
  recipient text collate "C" not null,
  sender text collate "C" not null,
  state text not null check (state in ('deferred', 'delivered', 'bounced')),
  code text not null,
  reason text not null,
  delayed boolean not null,
  changed_at bigint not null,
  partition text collate "C" not null,
  position bigint not null,
  primary key (message_id, recipient, sender)
);
create index outcomes_final on storage.outcomes (partition, position) where state <> 'deferred';

-- From `mailbox`: what the owners did with their entries. One row per message, at its last change.
create table storage.entry_changes (
  mailbox text collate "C" not null,
  message_id bytea not null,
  flags text[] not null,
  deleted boolean not null,
  partition text collate "C" not null,
  position bigint not null,
  changed_at bigint not null,
  primary key (mailbox, message_id)
);
create index entry_changes_position on storage.entry_changes (mailbox, partition, position);
create index entry_changes_deleted on storage.entry_changes (partition, position) where deleted;

create table storage.mailboxes (
  mailbox text collate "C" primary key,
  version int not null,
  freed_bytes bigint not null,
  freed_messages bigint not null,
  is_full boolean not null
);

-- How far the eraser is, in the order of the log. Not a read model: a rebuild leaves it alone.
create table storage.erased_until (
  source text not null,
  partition text not null,
  position bigint not null,
  primary key (source, partition)
);

create view storage.entries as
  select * from storage.entries_submitted union all select * from storage.entries_received;

create view storage.attachments as
  select * from storage.attachments_submitted union all select * from storage.attachments_received;

create view storage.usage as
  select * from storage.usage_submitted union all select * from storage.usage_received;
