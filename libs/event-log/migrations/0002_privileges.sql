-- Up Migration

-- Which role may append to which context. Whoever owns the schema may append to all of them.
create table log.writers (
  context text collate "C" not null,
  role text not null,
  primary key (context, role)
);

create function log.may_append(c text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select pg_has_role(session_user, (
      select nspowner from pg_namespace where nspname = 'log'), 'USAGE')
    or exists (
      select from log.writers w join pg_roles r on r.rolname = w.role
        where w.context = c and pg_has_role(session_user, r.oid, 'USAGE'))
$$;

-- Holds a partition's head to the end of the transaction, for who may append to it.
create function log.lock_head(p text, out head bigint, out head_hash bytea)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  c text;
begin
  select l.context into strict c from log.partitions l where l.name = p;
  if not log.may_append(c) then
    raise exception '% may not append to the context %', session_user, c
      using errcode = 'insufficient_privilege';
  end if;
  select l.head, l.head_hash into strict head, head_hash
    from log.partitions l where l.name = p for update;
end
$$;

-- As before, but with the rights of the owner, for a caller who may append to the partition's context.
create or replace function log.append(
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
) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  conflict boolean;
begin
  select l.head, l.head_hash into strict head, head_hash from log.lock_head(p) l;
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


-- Moves the marks of partitions over ranges that continue them; what the caller may not append to
-- stays. Commits without waiting for the disk: a mark that is lost costs a second publication. Rows are
-- locked in order, so that two relays cannot deadlock.
create function log.mark_published(partitions text[], firsts bigint[], lasts bigint[])
returns table (partition text, published bigint)
language sql security definer set search_path = pg_catalog, pg_temp as $$
  with relaxed as (
    select set_config('synchronous_commit', 'off', true)
  ), wanted as (
    select r.* from relaxed, unnest(partitions, firsts, lasts) as r(partition, first, last)
  ), locked as (
    select p.name, p.published from log.partitions p
      where p.name = any(partitions) and log.may_append(p.context) order by p.name for update
  ), moved as (
    update log.partitions p set published = w.last
      from wanted w join locked l on l.name = w.partition
      where p.name = l.name and l.published >= w.first - 1 and l.published < w.last
      returning p.name, p.published
  )
  select l.name, coalesce(m.published, l.published)
    from locked l left join moved m on m.name = l.name
$$;

-- To be named counts as being stored anew: nobody collects these bytes before the event is known.
-- Gives sizes, and so spares the caller the right to read.
create function mail.touch_blobs(hashes bytea[], at bigint)
returns table (hash bytea, size int)
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update mail.blobs b set created_at = greatest(b.created_at, at)
    where b.hash = any(hashes) returning b.hash, octet_length(b.data)
$$;

-- Whoever reads the log without owning it sees the contexts that a policy of theirs names.
alter table log.events enable row level security;

revoke all on all functions in schema log from public;
revoke all on all functions in schema mail from public;

-- Down Migration
