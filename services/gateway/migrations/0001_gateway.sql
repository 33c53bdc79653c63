-- Up Migration

create schema if not exists gateway;

-- Which domains are hosted here.
create table gateway.domains (
  domain text collate "C" primary key,
  position bigint not null
);
create index domains_position on gateway.domains (position);

-- The newest device list of users who ever changed theirs: what a session's device must be in.
create table gateway.device_lists (
  address text collate "C" primary key,
  version int not null,
  device_ids bytea[] not null,
  published_at bigint not null,
  position bigint not null
);
create index device_lists_position on gateway.device_lists (position);

-- Mailboxes that crossed their quota at least once.
create table gateway.full_mailboxes (
  mailbox text collate "C" primary key,
  is_full boolean not null,
  partition text collate "C" not null,
  position bigint not null
);
create index full_mailboxes_position on gateway.full_mailboxes (partition, position);
