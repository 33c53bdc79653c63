-- Up Migration

-- Read models: can be dropped and rebuilt from the log, bit for bit.

-- Our users' newest keys, with what proves them to be in the key log.
create table directory.users (
  address text primary key,
  domain text not null,
  identity bytea not null,
  identity_opening bytea not null,
  identity_leaf bytea not null,
  device_list bytea not null,
  device_list_opening bytea not null,
  device_list_leaf bytea not null,
  leaf_at bigint not null,
  version int not null
);
create index users_by_domain on directory.users (domain, address);

-- The newest well-known document of each hosted domain.
create table directory.documents (
  domain text primary key,
  serial bigint not null,
  document bytea not null
);

-- Other domains: which key we hold for theirs, and which key is kept out.
create table directory.peers (
  domain text primary key,
  public_key bytea,
  serial bigint,
  source text,
  dnssec text,
  pinned_key bytea,
  quarantined_key bytea,
  quarantined_at bigint,
  version int not null
);

-- Not read models: what happened outside, or was spent, and is in no event.

-- How the last discovery of a domain went. `peer` is the last good answer; `failures` counts since then.
create table directory.discoveries (
  domain text primary key,
  peer bytea,
  failures int not null,
  retry_at bigint not null,
  code text not null,
  message text not null
);

-- Whose keys somebody asked for on a day; targets are keyed hashes of addresses.
create table directory.look_up_targets (
  scope text not null,
  day date not null,
  target bytea not null,
  primary key (scope, day, target)
);
create table directory.look_up_budgets (
  scope text not null,
  day date not null,
  used int not null,
  primary key (scope, day)
);

-- Spends the budget of a scope on targets, in their order, and gives back those that it covers. Asking
-- for the same target again on the same day is free. Takes the same steps whatever the answer.
create function directory.spend(p_scope text, p_day date, p_targets bytea[], p_limit int)
returns setof bytea language plpgsql as $$
declare
  v_used int;
  v_added int;
begin
  insert into directory.look_up_budgets (scope, day, used) values (p_scope, p_day, 0)
    on conflict do nothing;
  select used into v_used from directory.look_up_budgets
    where scope = p_scope and day = p_day for update;
  insert into directory.look_up_targets (scope, day, target)
    select p_scope, p_day, fresh.target from (
      select target, min(place) as place from unnest(p_targets) with ordinality as t(target, place)
      where not exists (
        select from directory.look_up_targets k
        where k.scope = p_scope and k.day = p_day and k.target = t.target)
      group by target order by place limit greatest(p_limit - v_used, 0)
    ) fresh;
  get diagnostics v_added = row_count;
  update directory.look_up_budgets set used = v_used + v_added
    where scope = p_scope and day = p_day;
  return query select k.target from directory.look_up_targets k
    where k.scope = p_scope and k.day = p_day and k.target = any(p_targets);
end $$;
