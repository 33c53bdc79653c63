-- Up Migration

-- Read models: can be dropped and rebuilt from the log, bit for bit.

-- From the context `submission`: every envelope for another domain. A lane is what one hosted domain (origin)
-- has for one other domain (peer); it is worked off in the order of partition and position.
create table outbound.deliveries (
  origin text not null,
  peer text not null,
  partition text not null,
  position bigint not null,
  ordinal int not null,
  message_id bytea not null,
  sender text not null,
  recipient text not null,
  accepted_at bigint not null,
  created_at bigint not null,
  expires_at bigint not null,
  content_hash bytea not null,
  content_size int not null,
  envelope_hash bytea not null,
  envelope_size int not null,
  -- hashes of 32 bytes each, one after the other
  attachments bytea not null,
  traceparent text not null,
  primary key (origin, peer, partition, position, ordinal)
);

-- From the context `submission`: the newest delivery of each lane in each partition.
create table outbound.lane_heads (
  origin text not null,
  peer text not null,
  partition text not null,
  position bigint not null,
  primary key (origin, peer, partition)
);

-- From the context `delivery`: what became of each. `told` lists the codes that the sender knows of.
create table outbound.outcomes (
  message_id bytea not null,
  sender text not null,
  recipient text not null,
  final text,
  told text not null,
  delayed boolean not null,
  version int not null,
  primary key (message_id, sender, recipient)
);

-- Not read models: notes that the owner of a lane leaves for the next one. Without them nothing is lost,
-- only looked through again or tried sooner.

-- Up to here every delivery of the lane has a final outcome.
create table outbound.lane_floors (
  origin text not null,
  peer text not null,
  partition text not null,
  position bigint not null,
  primary key (origin, peer, partition)
);

-- How long the lane leaves its peer alone, and why.
create table outbound.lane_pauses (
  origin text not null,
  peer text not null,
  failures int not null,
  paused_until bigint not null,
  code text not null,
  reason text not null,
  primary key (origin, peer)
);
