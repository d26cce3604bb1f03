"""`strongroom-verify`: checks the audit log of a server that need not be trusted.

It knows the log's mathematics (`strongroom.tlog`) and Python's standard library, nothing of the
server. To read it in an evening, in this order:

    verdicts    how a check ends
    trust       whose signatures count
    tree        from the signed root down to every single entry
    growth      what an earlier checkpoint promised still holds
    receipt     checks one entry
    folder      checks an exported log, file by file
    live        checks a running server; `web` asks it
    program     the command line; `files` and `progress` serve it
"""
