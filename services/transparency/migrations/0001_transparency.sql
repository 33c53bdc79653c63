-- Up Migration

-- Read models: can be dropped and rebuilt from the log, bit for bit.

-- How many leaves each domain's key log has, and the event that added the last ones.
create table transparency.trees (
  domain text primary key,
  size bigint not null,
  position bigint not null
);

create table transparency.leaves (
  domain text not null,
  index bigint not null,
  leaf bytea not null,
  hash bytea not null,
  primary key (domain, index),
  unique (domain, hash)
);

-- Complete subtrees (RFC 6962 hashes): (level, index) covers leaves index * 2^level and on. Never updated.
create table transparency.nodes (
  domain text not null,
  level int not null,
  index bigint not null,
  hash bytea not null,
  primary key (domain, level, index)
);

-- The newest signed checkpoint of each domain, and where its event is: version in its stream, position in
-- the partition.
create table transparency.tree_heads (
  domain text primary key,
  size bigint not null,
  root bytea not null,
  note text not null,
  kid text not null,
  signed_at bigint not null,
  version int not null,
  position bigint not null
);
