-- Up Migration

-- Read models: can be dropped and rebuilt from the log.

create table identity.domains (
  domain text primary key,
  public_key bytea not null,
  created_at bigint not null
);

create table identity.attestations (
  address text primary key,
  domain text not null,
  expires_at bigint not null,
  version int not null
);

create index attestations_by_expiry on identity.attestations (expires_at);

-- Not read models: what security rests on, beside the log.

-- Nonces of challenges that opened a session: a second session needs a new challenge.
create table identity.used_nonces (
  nonce bytea primary key,
  expires_at bigint not null
);

create index used_nonces_by_expiry on identity.used_nonces (expires_at);
