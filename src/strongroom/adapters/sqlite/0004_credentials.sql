-- Schema 4: one-time passwords.
-- docs/formats/store-1.md explains it to people.

-- One row for each credential, changed in place with every attempt. As with records, a row that was
-- moved would leave a copy behind, and a secret could not be erased. So the table only grows at its
-- end, and no row ever changes its size: room is the bytes of its columns, and body is filled up to
-- that (80, then zeros). One that needs more room, or less, is blanked where it is (live 0) and goes
-- to another's old place of that size, or to the end.
CREATE TABLE credentials (
    namespace BLOB    NOT NULL,
    id        BLOB    NOT NULL,
    user      BLOB    NOT NULL,
    revision  INTEGER NOT NULL,
    state     TEXT    NOT NULL,
    due_us    INTEGER NOT NULL,
    mac       BLOB    NOT NULL,
    body      BLOB    NOT NULL,
    room      INTEGER NOT NULL,
    live      INTEGER NOT NULL DEFAULT 1,
    slot      INTEGER PRIMARY KEY
);

CREATE UNIQUE INDEX credentials_by_id ON credentials (namespace, id) WHERE live = 1;
CREATE INDEX credentials_by_user ON credentials (user) WHERE live = 1 AND length(user) > 0;
CREATE INDEX credentials_by_due ON credentials (due_us) WHERE live = 1 AND due_us > 0;
CREATE INDEX credentials_free ON credentials (room) WHERE live = 0;
