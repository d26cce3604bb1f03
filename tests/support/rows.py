"""The database's records, as one who edits them by hand sees them: those that are in force."""

_COLUMNS = "kind, id, namespace, name, revision, request, body, mac"
SELECT = f"SELECT {_COLUMNS} FROM records WHERE live = 1 ORDER BY kind, id"
INSERT = f"INSERT INTO records ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
