-- Strongroom's store, schema 1. docs/formats/store-1.md explains it to people.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- Whatever is remembered. mac seals every other column and the deployment.
CREATE TABLE records (
    kind      TEXT    NOT NULL,
    id        BLOB    NOT NULL,
    namespace BLOB    NOT NULL,
    name      TEXT    NOT NULL,
    revision  INTEGER NOT NULL,
    request   TEXT    NOT NULL,
    body      TEXT    NOT NULL,
    mac       BLOB    NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX records_by_name ON records (kind, namespace, name) WHERE name <> '';

-- The audit log. position is the leaf's index in the Merkle tree, from 0 without a gap.
CREATE TABLE entries (
    position  INTEGER PRIMARY KEY,
    time_us   INTEGER NOT NULL,
    namespace BLOB    NOT NULL,
    principal TEXT    NOT NULL,
    object    TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    outcome   TEXT    NOT NULL,
    request   TEXT    NOT NULL,
    leaf_hash BLOB    NOT NULL,
    body      TEXT    NOT NULL
);
