-- Schema 3: what proofs about the log, its checkpoints and its readers need.
-- docs/formats/store-1.md explains it to people.

-- Roots of the log's full subtrees of 256, 256^2, ... leaves: height 8, 16, ...
CREATE TABLE subtrees (
    height INTEGER NOT NULL,
    number INTEGER NOT NULL,
    root   BLOB    NOT NULL,
    PRIMARY KEY (height, number)
) WITHOUT ROWID;

-- The entries that changed records, and whether what they replaced was erased.
CREATE TABLE changes (
    position INTEGER PRIMARY KEY,
    erases   INTEGER NOT NULL
);

CREATE INDEX changes_erasing ON changes (position) WHERE erases = 1;

-- Details of an entry that can be erased, encrypted. Not in the entry, so that it stays as it is.
CREATE TABLE sealed (
    position INTEGER PRIMARY KEY,
    details  BLOB    NOT NULL
);

-- The newest signed notes: 'signed' and 'counted'.
CREATE TABLE checkpoints (
    name TEXT    PRIMARY KEY,
    size INTEGER NOT NULL,
    note BLOB    NOT NULL
) WITHOUT ROWID;

-- How far the log's readers have come.
CREATE TABLE cursors (
    name     TEXT    PRIMARY KEY,
    position INTEGER NOT NULL,
    state    BLOB    NOT NULL
) WITHOUT ROWID;

-- The log's index: for a span of 16,384 entries and a field, the checksums of its values, and for
-- each entry which of them it has. It can be made anew.
CREATE TABLE columns (
    key     INTEGER PRIMARY KEY,
    listed  BLOB NOT NULL,
    numbers BLOB NOT NULL
);

-- Spans below this one are in columns.
INSERT INTO meta VALUES ('indexed', 0);

-- Entries whose bodies are in files: what they are found by, and their hashes.
CREATE TABLE archived (
    position  INTEGER PRIMARY KEY,
    time_us   INTEGER NOT NULL,
    namespace BLOB    NOT NULL,
    principal TEXT    NOT NULL,
    object    TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    outcome   TEXT    NOT NULL,
    request   TEXT    NOT NULL,
    leaf_hash BLOB    NOT NULL
);

-- All entries. body is NULL where it is in a file.
CREATE VIEW log AS
SELECT position, time_us, namespace, principal, object, action, outcome, request, leaf_hash, body
FROM entries
UNION ALL
SELECT position, time_us, namespace, principal, object, action, outcome, request, leaf_hash, NULL
FROM archived;
