-- Up Migration

create schema if not exists log;
create schema if not exists mail;

-- How many partitions a context has. Written once, when the context is first opened.
create table log.contexts (
  name text collate "C" primary key,
  partitions int not null check (partitions > 0)
);

-- The row that an append locks. Rewritten by every append, so most of its page is left free for HOT updates.
create table log.partitions (
  name text collate "C" primary key,
  context text collate "C" not null references log.contexts,
  head bigint not null default 0,
  head_hash bytea not null default decode(repeat('00', 32), 'hex'),
  published bigint not null default 0
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create table log.events (
  partition text collate "C" not null,
  position bigint not null,
  stream text collate "C" not null,
  version int not null,
  type text collate "C" not null,
  data bytea not null,
  metadata bytea not null,
  recorded_at bigint not null,
  hash bytea not null,
  primary key (partition, position),
  unique (partition, stream, version)
) with (toast_tuple_target = 4080);
alter table log.events
  alter column data set storage external,
  alter column metadata set storage plain,
  alter column hash set storage plain;

-- What events name by hash. Sealed bytes do not compress; up to 4 KiB stay in the row. `ahead`: stored
-- before any event named it, so that somebody has to look whether one ever did.
create table mail.blobs (
  hash bytea primary key,
  data bytea not null,
  created_at bigint not null,
  ahead boolean not null default false
) with (toast_tuple_target = 4080);
alter table mail.blobs
  alter column hash set storage plain,
  alter column data set storage external;
create index blobs_ahead on mail.blobs (created_at) where ahead;

create function log.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the log is append only: % on log.events refused', tg_op
    using errcode = 'restrict_violation';
end
$$;
create trigger append_only before update or delete or truncate on log.events
  for each statement execute function log.refuse_change();

-- Appends events at expected_head + 1 …, or tells why not:
--   'appended'  done; head and head_hash are the new ones
--   'moved'     another appender was faster; head and head_hash are the actual ones
--   'conflict'  versions[i] is the actual version of checked_streams[i]
-- The head row is locked first and to the end of the transaction, so positions are in commit order.
create function log.append(
  in p text,
  in expected_head bigint,
  in expected_hash bytea,
  in at bigint,
  in checked_streams text[],
  in checked_versions int[],
  in streams text[],
  in versions int[],
  in types text[],
  in data bytea[],
  in metadata bytea[],
  in hashes bytea[],
  in blob_hashes bytea[],
  in blobs bytea[],
  out outcome text,
  out head bigint,
  out head_hash bytea,
  out actual_versions int[]
) language plpgsql as $$
declare
  conflict boolean;
begin
  select l.head, l.head_hash into strict head, head_hash
    from log.partitions l where l.name = p for update;
  if head <> expected_head or head_hash <> expected_hash then
    outcome := 'moved';
    return;
  end if;

  with c as materialized (
    select s.i, s.expected, coalesce((
      select e.version from log.events e
        where e.partition = p and e.stream = s.stream
        order by e.version desc limit 1), 0) as actual
      from unnest(checked_streams, checked_versions) with ordinality as s(stream, expected, i)
  )
  select array_agg(c.actual order by c.i), bool_or(c.actual <> c.expected)
    into actual_versions, conflict from c;
  if conflict then
    outcome := 'conflict';
    return;
  end if;

  insert into log.events
      (partition, position, stream, version, type, data, metadata, recorded_at, hash)
    select p, expected_head + n.i, n.stream, n.version, n.type, n.data, n.metadata, at, n.hash
      from unnest(streams, versions, types, data, metadata, hashes)
        with ordinality as n(stream, version, type, data, metadata, hash, i);

  -- A blob that is stored again counts as new, so that a collector working by age spares it.
  if array_length(blob_hashes, 1) > 0 then
    insert into mail.blobs as b (hash, data, created_at)
      select n.hash, n.data, at from unnest(blob_hashes, blobs) as n(hash, data)
      on conflict (hash) do update set created_at = excluded.created_at
        where b.created_at < excluded.created_at - 3600000;
  end if;

  head := expected_head + array_length(streams, 1);
  head_hash := hashes[array_length(hashes, 1)];
  update log.partitions l set head = append.head, head_hash = append.head_hash where l.name = p;
  outcome := 'appended';
end
$$;

-- Down Migration
