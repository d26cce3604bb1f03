-- Schema 2: what is due, how often keys were used, and records that can be erased.
-- docs/formats/store-1.md explains it to people.

-- A b-tree that is changed in its middle leaves copies of rows in the free part of its pages, where
-- no deletion reaches them. So this one only grows at its end, and a replaced revision is blanked
-- where it is: nothing is ever moved.
CREATE TABLE records_2 (
    kind      TEXT    NOT NULL,
    id        BLOB    NOT NULL,
    namespace BLOB    NOT NULL,
    name      TEXT    NOT NULL,
    revision  INTEGER NOT NULL,
    request   TEXT    NOT NULL,
    body      TEXT    NOT NULL,
    mac       BLOB    NOT NULL,
    due_us    INTEGER NOT NULL DEFAULT 0,
    live      INTEGER NOT NULL DEFAULT 1,
    slot      INTEGER PRIMARY KEY
);

INSERT INTO records_2 (kind, id, namespace, name, revision, request, body, mac)
SELECT kind, id, namespace, name, revision, request, body, mac FROM records ORDER BY kind, id;

DROP TABLE records;
ALTER TABLE records_2 RENAME TO records;

CREATE UNIQUE INDEX records_by_id ON records (kind, id) WHERE live = 1;
CREATE UNIQUE INDEX records_by_name ON records (kind, namespace, name) WHERE live = 1 AND name <> '';
CREATE INDEX records_by_due ON records (due_us, kind, id) WHERE live = 1 AND due_us > 0;

-- How often a principal used a version on a day (since 1970). Entries below through are counted in
-- the row; those below meta's counted are counted in all rows.
CREATE TABLE usage (
    namespace BLOB    NOT NULL,
    object    TEXT    NOT NULL,
    day       INTEGER NOT NULL,
    version   INTEGER NOT NULL,
    principal TEXT    NOT NULL,
    count     INTEGER NOT NULL,
    last_us   INTEGER NOT NULL,
    through   INTEGER NOT NULL,
    PRIMARY KEY (namespace, object, day, version, principal)
) WITHOUT ROWID;

INSERT INTO meta VALUES ('counted', 0);
