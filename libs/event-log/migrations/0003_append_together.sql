-- Up Migration

-- Appends to one partition or to several, in one transaction: all of it, or nothing and why not:
--   'appended'  done
--   'moved'     a head is elsewhere; heads[i] and head_hashes[i] are the actual ones of partitions[i]
--   'held'      somebody else is appending to one of several partitions
--   'conflict'  actual_versions[i] is the actual version of checked_streams[i]
-- A head row is locked to the end of the transaction, so positions are in commit order. Who asks for one
-- partition waits for it; who asks for several does not, so that one that is held up holds up no other.
-- Event i goes to event_partitions[i] at positions[i]; ends[i] and end_hashes[i] are where partitions[i]
-- is then. Plans are made once: Postgres would make them anew for arrays of every length, which was a
-- third of what appending a few events took. (log.append is for the version before.)
create function log.append_together(
  in partitions text[],
  in expected_heads bigint[],
  in expected_hashes bytea[],
  in ends bigint[],
  in end_hashes bytea[],
  in at bigint,
  in checked_partitions text[],
  in checked_streams text[],
  in checked_versions int[],
  in event_partitions text[],
  in positions bigint[],
  in streams text[],
  in versions int[],
  in types text[],
  in data bytea[],
  in metadata bytea[],
  in hashes bytea[],
  in blob_hashes bytea[],
  in blobs bytea[],
  out outcome text,
  out heads bigint[],
  out head_hashes bytea[],
  out actual_versions int[]
) language plpgsql security definer
set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  head bigint;
  head_hash bytea;
  moved boolean;
  conflict boolean;
begin
  -- The right to append is looked up for the partitions alone: nothing may go past them.
  if not (
    event_partitions <@ partitions and checked_partitions <@ partitions
    and array_length(positions, 1) = (select sum(e - h) from unnest(ends, expected_heads) u(e, h))
  ) then
    raise exception 'these events do not lead the partitions from their heads to their ends'
      using errcode = 'invalid_parameter_value';
  end if;
  if array_length(partitions, 1) = 1 then
    select l.head, l.head_hash into strict head, head_hash from log.lock_head(partitions[1]) l;
    heads := array[head];
    head_hashes := array[head_hash];
    moved := head <> expected_heads[1] or head_hash <> expected_hashes[1];
  else
    if not (
      select bool_and(log.may_append(c.context)) and sum(c.count) = array_length(partitions, 1)
        from (
          select l.context, count(*)
            from unnest(partitions) p join log.partitions l on l.name = p group by l.context
        ) c
    ) then
      raise exception '% may not append to all of these: %', session_user, partitions
        using errcode = 'insufficient_privilege';
    end if;
    with held as materialized (
      select l.name, l.head, l.head_hash
        from log.partitions l where l.name = any(partitions) for update skip locked
    )
    select array_agg(h.head order by p.i), array_agg(h.head_hash order by p.i),
        bool_or(h.head <> p.head or h.head_hash <> p.hash)
      into heads, head_hashes, moved
      from unnest(partitions, expected_heads, expected_hashes)
          with ordinality as p(name, head, hash, i)
        join held h on h.name = p.name;
    if heads is null or array_length(heads, 1) < array_length(partitions, 1) then
      outcome := 'held';
      return;
    end if;
  end if;
  if moved then
    outcome := 'moved';
    return;
  end if;

  with c as materialized (
    select s.i, s.expected, coalesce((
      select e.version from log.events e
        where e.partition = s.partition and e.stream = s.stream
        order by e.version desc limit 1), 0) as actual
      from unnest(checked_partitions, checked_streams, checked_versions)
        with ordinality as s(partition, stream, expected, i)
  )
  select array_agg(c.actual order by c.i), bool_or(c.actual <> c.expected)
    into actual_versions, conflict from c;
  if conflict then
    outcome := 'conflict';
    return;
  end if;

  insert into log.events
      (partition, position, stream, version, type, data, metadata, recorded_at, hash)
    select n.partition, n.position, n.stream, n.version, n.type, n.data, n.metadata, at, n.hash
      from unnest(event_partitions, positions, streams, versions, types, data, metadata, hashes)
        as n(partition, position, stream, version, type, data, metadata, hash);

  -- A blob that is stored again counts as new, so that a collector working by age spares it.
  if array_length(blob_hashes, 1) > 0 then
    insert into mail.blobs as b (hash, data, created_at)
      select n.hash, n.data, at from unnest(blob_hashes, blobs) as n(hash, data)
      on conflict (hash) do update set created_at = excluded.created_at
        where b.created_at < excluded.created_at - 3600000;
  end if;

  update log.partitions l set head = p.head, head_hash = p.hash
    from unnest(partitions, ends, end_hashes) as p(name, head, hash)
    where l.name = p.name;
  outcome := 'appended';
end
$$;

revoke all on function log.append_together from public;

-- Down Migration
