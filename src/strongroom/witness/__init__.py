"""`strongroom-witness`: a second organisation's promise that it has seen only one log.

It remembers the last checkpoint of each log that it knows (C2SP tlog-witness), and signs another
one only if that has everything of the one before. Whoever asks a log for its witnesses' signatures
cannot be shown a log that others do not see. To read it, in this order:

    exchange    the words of a question and its answers
    judge       whether to sign
    memory      what was signed last, on disk before anybody hears of it
    service     the steps from a question to an answer
    app         HTTP
    keyfile     the witness's private keys
    settings    witness.toml
    alarms      what the operator is told
    program     the command line
"""
