-- Up Migration

-- Read model: can be dropped and rebuilt from the log, bit for bit.

-- Who has a mailbox here.
create table inbound.users (
  address text primary key
);

-- Not a read model: parts of attachments that a peer sent ahead of the message that names them. Only
-- the peer that sent a part may name it, so nobody learns what others have stored.
create table inbound.uploads (
  origin text not null,
  hash bytea not null,
  size int not null,
  uploaded_at bigint not null,
  primary key (origin, hash)
);
create index uploads_by_age on inbound.uploads (uploaded_at);
