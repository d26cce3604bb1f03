-- Schema 4: one-time passwords.
-- docs/formats/store-1.md explains it to people.

-- One row for each credential, changed in place with every attempt. body is msgpack
-- (docs/formats/credential-1.md); state and due_us are beside it so that rows can be found by them.
CREATE TABLE credentials (
    namespace BLOB    NOT NULL,
    id        BLOB    NOT NULL,
    user      BLOB    NOT NULL,
    revision  INTEGER NOT NULL,
    state     TEXT    NOT NULL,
    due_us    INTEGER NOT NULL,
    body      BLOB    NOT NULL,
    mac       BLOB    NOT NULL,
    PRIMARY KEY (namespace, id)
) WITHOUT ROWID;

CREATE INDEX credentials_of_user ON credentials (user) WHERE length(user) > 0;

CREATE INDEX credentials_due ON credentials (due_us) WHERE due_us > 0;
