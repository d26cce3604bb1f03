"""Every limit Strongroom keeps, by name, with its reason.

Units go last in the name. A limit is checked before the work it bounds is begun.
"""

from typing import Final

# What a request may carry.
BODY_BYTES_MAX: Final = 8 * 1024 * 1024  # room for 1,000 small items; refused before it is read
AWS_BODY_BYTES_MAX: Final = 1024 * 1024  # AWS's largest legal body, each character escaped, fits
HEADER_BYTES_MAX: Final = 16 * 1024  # as nginx and Apache; more is an attack or a mistake
HEADERS_SECONDS_MAX: Final = 10  # a client that trickles its headers holds a connection, no longer
BODY_SECONDS_MAX: Final = 60  # likewise for a body: 8 MiB at a megabit a second
ANSWER_SECONDS_MAX: Final = 60  # a client that takes nothing of an answer holds it in memory
KEEP_ALIVE_SECONDS: Final = 75  # an idle connection; longer than the usual proxy keeps its own
CONNECTIONS_MAX: Final = 4_096  # per gate, unless configured; each costs about 20 KiB
DRAIN_SECONDS: Final = 20  # in-flight requests may take this long once a stop was asked for
PLAINTEXT_BYTES_MAX: Final = 64 * 1024  # more is the work of data keys: the gate is no pipeline
CIPHERTEXT_BYTES_MAX: Final = PLAINTEXT_BYTES_MAX + 1024  # format 1 adds 101 bytes; leaves room
MESSAGE_BYTES_MAX: Final = 64 * 1024  # to sign or to MAC; of more, the caller sends the digest
ADDITIONAL_BYTES_MAX: Final = 64 * 1024  # authenticated beside a raw ciphertext, as AWS and Google
DATA_KEY_BYTES_MAX: Final = 1_024  # as AWS; a key is not a file
RANDOM_BYTES_MAX: Final = 1_024  # one reading; as AWS and Google
DIGEST_BYTES_MAX: Final = 64  # of a message or a tag: SHA-512's
SIGNATURE_BYTES_MAX: Final = 5_120  # ML-DSA-87 has 4,627
KEY_BLOB_BYTES_MAX: Final = 8_192  # a public key, an encapsulation, a wrapped key
SIGNATURE_CONTEXT_BYTES_MAX: Final = 255  # FIPS 204, RFC 8032
GCM_MESSAGES_MAX: Final = 2**31  # under one raw AES-GCM key; half of what SP 800-38D, 8.3 bears
BATCH_ITEMS_MAX: Final = 1_000  # one entry covers them all
BATCH_VERSIONS_MAX: Final = 500  # of keys, that a batch's items use: its entry names each
CONTEXT_PAIRS_MAX: Final = 64  # as many as anyone has been seen to need, times ten
CONTEXT_BYTES_MAX: Final = 8 * 1024  # keys and values together, in UTF-8
PAGE_ITEMS_DEFAULT: Final = 100  # fits a screen or two
PAGE_ITEMS_MAX: Final = 1_000  # one page fits a frame, whatever is in it

# Names and texts.
NAME_CHARACTERS_MAX: Final = 63  # a DNS label: fits every system that will ever show it
REGION_CHARACTERS_MAX: Final = 32  # as AWS; its longest has 15
LABELS_MAX: Final = 64  # as many as Google has
LABEL_KEY_CHARACTERS_MAX: Final = 128  # as AWS tags
LABEL_CHARACTERS_MAX: Final = 256  # as AWS and Azure tags
LABELS_CHARACTERS_MAX: Final = 20_000  # all of a key's; a page of 1,000 keys must fit in a frame
ALIAS_CHARACTERS_MAX: Final = 256  # as AWS's, without `alias/`
DESCRIPTION_CHARACTERS_MAX: Final = 1_024  # a paragraph, not a document
SOURCE_CHARACTERS_MAX: Final = 64  # an IPv6 address with a zone
DESTRUCTION_DAYS_MIN: Final = 7  # time to notice that a key is missed
DESTRUCTION_DAYS_DEFAULT: Final = 30  # a month's end falls into it
DESTRUCTION_DAYS_MAX: Final = 365  # whoever waits longer has not decided
ROTATION_DAYS_MAX: Final = 3_650  # longer than ten years is never
ROTATION_USES_MIN: Final = 100  # fewer would make a version out of every other request
KEY_USES_MAX: Final = 2**53 - 1  # what every JSON reader still counts exactly
RATE_SECONDS_MAX: Final = 3_600  # what the ledger remembers of a key's uses
RATE_USES_MAX: Final = 100_000  # likewise; more than a node can do in a second
REQUIRED_CONTEXT_MAX: Final = 16  # of the 64 pairs that a context may have
IMPORT_TICKET_HOURS: Final = 24  # as AWS; a ceremony takes a day
IMPORT_BYTES_MAX: Final = 16_384  # an RSA-4096 key, wrapped, takes some 3 KiB
BACKUP_BYTES_MAX: Final = 4 * 1024 * 1024  # some thousand versions, base64 in one request
USAGE_DAYS_MAX: Final = 400  # a year and what one forgets to look at
USAGE_ROWS_MAX: Final = 10_000  # versions, days and callers in one answer
LIST_SCANNED_MAX: Final = 5_000  # keys that one page of a filtered list looks at
JWK_SET_KEYS_MAX: Final = 100  # RSA-2048 keys then fit the 50 KiB that the usual verifiers take
POLICY_CHARACTERS_MAX: Final = 16 * 1024  # one policy text
POLICY_DEPTH_MAX: Final = 40  # brackets in brackets; some hundreds would end the parser's process
KEY_POLICY_BYTES_MAX: Final = 32 * 1024  # a key's policy in AWS's words; as AWS
KEY_POLICY_PATTERNS_MAX: Final = 200  # in it, with `?` or variables: each takes up to 5 ms
GRANTS_PER_GRANTEE_MAX: Final = 100  # of one key: all of them are weighed together
GRANTS_LISTED_MAX: Final = 5_000  # grants that one page of what a principal may retire looks at
POLICIES_MAX: Final = 100  # per namespace; all of them are weighed together
ROLES_MAX: Final = 16  # per principal
TOKEN_DAYS_MAX: Final = 3_650  # longer than ten years is for ever, said badly
SIGNATURE_SECONDS: Final = 300  # between signing and now, either way, unless configured: as AWS
SIGNATURE_SECONDS_MAX: Final = 900  # likewise, configured: S3's; clocks can be set better than that
SESSION_HOURS_DEFAULT: Final = 12  # of temporary access keys; as AWS's of a user
SESSION_HOURS_MAX: Final = 36  # likewise
TOKEN_DAYS_DEFAULT: Final = 90  # a season: short enough to notice that nobody renews it
START_CHECK_CHANGES_MAX: Final = 100_000  # read at a start, in some 3 seconds; more by fsck alone
CHECKPOINT_ALARM_SECONDS: Final = 2  # an entry is in a signed checkpoint by then, or it is logged
CHECKPOINT_SECONDS_MAX: Final = 10  # likewise, or nothing more is committed until it is
KEEP_DAYS_MAX: Final = 36_500  # of entries in the database; a century is for ever
ENTRY_BYTES_MAX: Final = 65_535  # C2SP tlog-tiles: an entry's length is written in 16 bits

# One-time passwords.
OTP_USER_CHARACTERS_MAX: Final = 256  # a reference of the caller's: a number, an address, a DN
OTP_CODE_CHARACTERS_MAX: Final = 64  # 10 digits, or the whole HMAC-SHA-1 in hex (OCRA)
OTP_LABEL_CHARACTERS_MAX: Final = 128  # an account's name in an app: more fits no phone's screen
OTP_SUITE_CHARACTERS_MAX: Final = 128  # the longest that RFC 6287 can spell has fewer
OTP_SERIAL_CHARACTERS_MAX: Final = 32  # what is engraved on a token
OTP_TRANSACTION_PAIRS_MAX: Final = 16  # amount, currency, payee, and room
OTP_TRANSACTION_BYTES_MAX: Final = 4_096  # names and values together, in UTF-8
OTP_SESSION_BYTES_MAX: Final = 999  # RFC 6287, 6: three digits of length
OTP_LINK_CHARACTERS_MAX: Final = 128  # a link's token has 68
OTP_CHALLENGES_MAX: Final = 4  # open at once, of one credential; the oldest goes
OTP_PER_USER_MAX: Final = 8  # that are tried for one user: each is a guess more
OTP_PER_USER_READ_MAX: Final = 512  # rows read to find them: those of all phones there ever were
OTP_PROFILES_MAX: Final = 100  # per namespace, in one record
OTP_TURNS_MAX: Final = 64  # tries to move a credential that others are moving; then 503
OTP_RATE_MAX: Final = 1_000_000  # attempts a minute, of a caller or a source

# Between the rooms.
FRAME_BYTES_MAX: Final = (
    64 * 1024 * 1024
)  # above any honest batch; a longer one ends the connection
GATE_CALLS_MAX: Final = 2_048  # waiting for one custodian, from one gate; then 503
CUSTODIAN_COMMITS_MAX: Final = 8_192  # waiting for the ledger, in one custodian; then 503
WAITING_BYTES_MAX: Final = 128 * 1024 * 1024  # bodies waiting in one channel
STALE_RETRIES_MAX: Final = 16  # decide again this often before giving up with 503
RECEIPTS_WAITING_MAX: Final = 256  # for a checkpoint, in one custodian; then 503
CALL_SECONDS_MAX: Final = 30  # a gate waits this long for a custodian
CHANGES_REMEMBERED: Final = 65_536  # by the ledger; a custodian further behind forgets everything

# What the courier carries.
SINKS_MAX: Final = 16  # each has a thread of its own
WITNESSES_MAX: Final = 16  # likewise; a note has room for 32 signatures
CARRIED_ENTRIES_MAX: Final = 500  # handed to a sink together
CARRIED_BYTES_MAX: Final = 1024 * 1024  # likewise; what a webhook's receiver must take
UNSETTLED_ENTRIES_MAX: Final = 5_000  # sent to a syslog receiver before it is asked to confirm
SYSLOG_BYTES_MAX: Final = 8_192  # RFC 5425, 4.3.1: what receivers should take; unless configured

# What a custodian remembers between requests.
CACHED_KEYS_MAX: Final = 10_000  # per custodian, or fewer that weigh more
CACHED_KEYS_BYTES_MAX: Final = 64 * 1024 * 1024  # they and their versions; AES 4 KiB, ML-DSA-87 45
CACHED_PRINCIPALS_MAX: Final = 10_000  # likewise tokens, namespaces, decisions: 1 KiB each
CACHED_SIGNATURES_MAX: Final = 4_096  # half a second's, at the rate of a node; 1 KiB each
CACHED_VERSIONS_PER_KEY_MAX: Final = 32  # older ones are read again when they are needed
CACHED_JWK_SETS_MAX: Final = 64  # namespaces; 350 KiB each at most, of ML-DSA-87 keys
CACHED_ALIAS_LISTS_MAX: Final = 64  # namespaces in which policies look at aliases; 300 bytes each
CACHED_DECISIONS_PER_KEY_MAX: Final = 256  # principals x actions; then it begins anew

# What a client is told when there is no answer now.
RETRY_AFTER_SECONDS: Final = 1  # a room that ended is back within a second

# What the watcher remembers of the audit log. Beyond it, the longest unused is learned anew.
WATCHED_KEYS_MAX: Final = 10_000  # 2 KiB each; as many as a custodian keeps at hand
WATCHED_MEETINGS_MAX: Final = 200_000  # who used which key, and from which network; 100 bytes each
WATCHED_PRINCIPALS_MAX: Final = 10_000  # 300 bytes each
WATCHED_TOKENS_MAX: Final = 20_000  # two for each principal: the old one and the new one
WATCHED_NAMESPACES_MAX: Final = 10_000  # a day each
WATCHED_BURSTS_MAX: Final = 2_048  # counts by rule and subject, with evidence: 15 KiB each at most
WATCHED_EPISODES_MAX: Final = 10_000  # what was raised and may be going on
WATCHED_NETWORKS_MAX: Final = 65_536  # addresses whose network is known without parsing
ALERTS_PER_HOUR_MAX: Final = 1_000  # put on record: more is a watcher that somebody else rules
FINDINGS_PER_HOUR_MAX: Final = 10  # by one rule in one namespace: beyond, it is one event
