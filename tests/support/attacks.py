"""Attacks on the bank of `months_bank`, one of each kind, from the seventeenth day on."""

from tests.support.month import DAYS, HOUR, MINUTE, SECOND, day_us, is_workday

KEYS = ("cards", "orders", "profiles", "sessions", "payments", "reports", "archive", "mail")


def a_day(month):
    """Some day, late enough for a history to be there."""
    return month.chance.randrange(17, DAYS)


def a_workday(month):
    """Likewise; no weekend, no holiday."""
    return month.chance.choice([day for day in range(17, DAYS) if is_workday(day)])


def identity(month, at_us, name):
    """Somebody new, with a token."""
    month.act(at_us, "anna", "principal.create", object=f"principal/{name}", source="192.168.5.24")
    month.act(at_us + MINUTE, "anna", "token.create", object=f"principal/{name}",
              source="192.168.5.24", details={"token": f"t-{name}", "expires": ""})  # fmt: skip


def stolen_token(month):
    """A stolen token is tried from elsewhere: two decryptions, no more."""
    at = day_us(a_day(month), month.chance.uniform(0, 24))
    for number in range(2):
        month.use(at + number * MINUTE, "checkout", "decrypt", "cards", "185.220.101.7")
    month.plant("stolen token", "first-use-from-network", "network/185.220.101.0/24", at,
                at + HOUR)  # fmt: skip


def curious_colleague(month):
    """A colleague with too many rights has a look at a customer."""
    at = day_us(a_workday(month), month.chance.uniform(10, 16))
    month.use(at, "erik", "decrypt", "profiles", "192.168.5.24")
    month.plant("curious colleague", "first-use-by-principal", "principal/erik", at, at + HOUR,
                "network/192.168.5.0/24")  # fmt: skip


def dump_by_day(month):
    """A service that was broken into decrypts what it may, fast, at noon."""
    at = day_us(a_day(month), month.chance.uniform(11, 13))
    for when in month.within(at, 40 * MINUTE, 3000):
        month.use(when, "checkout", "decrypt", "cards", "10.1.1.12")
    month.plant("dump by day", "decrypt-rate", "key/cards", at, at + HOUR)


def dump_by_night(month):
    """The same at night, slower than the day's own peak."""
    at = day_us(a_day(month), month.chance.uniform(1, 3))
    for when in month.within(at, 40 * MINUTE, 280):
        month.use(when, "mobile", "decrypt", "profiles", "10.1.2.12")
    month.plant("quiet dump at night", "decrypt-rate", "key/profiles", at, at + HOUR)


def batches(month):
    """Batches by one who never made any."""
    at = day_us(a_workday(month), month.chance.uniform(10, 16))
    for number in range(6):
        month.use(at + number * 10 * SECOND, "dave", "decrypt", "mail", "192.168.5.24",
                  details={"count": 1000, "uses": ["mail/1:1000"]})  # fmt: skip
    month.plant("batches", "bulk-decrypt", "principal/dave", at, at + HOUR, "key/mail")


def night_job_by_day(month):
    """The night job's own token, in the afternoon, for three times as much."""
    at = day_us(a_day(month), month.chance.uniform(14, 16))
    for number in range(70):
        month.use(at + number * 10 * SECOND, "settlement", "decrypt", "payments", "10.1.9.4",
                  details={"count": 1000, "uses": ["payments/1:1000"]})  # fmt: skip
    month.plant("night job by day", "bulk-decrypt", "principal/settlement", at, at + HOUR,
                "key/payments")  # fmt: skip


def probing_for_rights(month):
    """Which keys may I use?"""
    at = day_us(a_workday(month), month.chance.uniform(10, 16))
    for number in range(40):
        month.refused(at + number * 5 * SECOND, "erik", "key.decrypt", "not-allowed",
                      object=f"key/{month.chance.choice(KEYS)}", source="192.168.5.24",
                      token="t-erik")  # fmt: skip
    month.plant("probing for rights", "refusals-of-principal", "principal/erik", at, at + HOUR)


def probing_by_batch(month):
    """Which ciphertext is good? In a batch, which is allowed though every item fails."""
    at = day_us(a_day(month), month.chance.uniform(0, 24))
    month.use(at, "mailer", "decrypt", "profiles", "10.1.4.11",
              details={"count": 500, "failed": 499, "uses": ["profiles/1:1"]})  # fmt: skip
    month.plant("probing by batch", "refusals-of-principal", "principal/mailer", at, at + HOUR)


def guessing_tokens(month):
    """Tokens are guessed from many addresses of one network."""
    at = day_us(a_day(month), month.chance.uniform(0, 24))
    for number in range(120):
        month.refused(at + number * 2 * SECOND, "", "key.list", "unauthenticated",
                      source=f"203.0.113.{month.chance.randrange(1, 250)}")  # fmt: skip
    month.plant("guessing tokens", "refusals-from-network", "network/203.0.113.0/24", at,
                at + HOUR)  # fmt: skip


def session_at_night(month):
    """An administrator's session in the night, from the office's network."""
    at = day_us(a_workday(month), month.chance.uniform(0.5, 3.5))
    for number in range(8):
        month.act(at + number * MINUTE, "anna", "policy.read", object="policy/own",
                  source="192.168.5.24", token="t-anna")  # fmt: skip
    month.plant("session at night", "unusual-hour", "principal/anna", at, at + HOUR)


def session_on_sunday(month):
    """And one on a Sunday at noon."""
    at = day_us(month.chance.choice((20, 27)), 12)
    for number in range(6):
        month.act(at + number * MINUTE, "carla", "key.read", object="key/cards",
                  source="77.2.91.77", token="t-carla")  # fmt: skip
    month.plant("session on Sunday", "unusual-hour", "principal/carla", at, at + HOUR)


def retired_key(month):
    """The retired key is asked for."""
    at = day_us(month.chance.randrange(21, DAYS), month.chance.uniform(0, 24))
    month.refused(at, "reporting", "key.decrypt", "key-not-usable", object="key/old",
                  source="10.1.9.5", token="t-reporting")  # fmt: skip
    month.plant("retired key", "use-near-destruction", "key/old", at, at + HOUR)


def destruction(month):
    """A key in use is to be destroyed; somebody notices after ten minutes."""
    at = day_us(a_workday(month), month.chance.uniform(10, 16))
    month.act(at, "bob", "key.schedule-destruction", object="key/orders",
              source="192.168.5.23", details={"days": 7})  # fmt: skip
    month.act(at + 10 * MINUTE, "anna", "key.cancel-destruction", object="key/orders",
              source="192.168.5.24")  # fmt: skip
    month.plant("destruction", "destruction-in-use", "key/orders", at, at + HOUR)


def sabotage(month):
    """Everything is switched off."""
    at = day_us(a_workday(month), month.chance.uniform(10, 16))
    for number, key in enumerate(KEYS):
        month.act(at + number * 20 * SECOND, "bob", "key.disable", object=f"key/{key}",
                  source="192.168.5.23", details={"state": "disabled"})  # fmt: skip
    month.plant("sabotage", "many-keys-stopped", "principal/bob", at, at + HOUR)


def exports(month):
    """Keys are carried away, in the working hours and without haste."""
    at = day_us(a_workday(month), 9.5)
    for number, key in enumerate(KEYS[:6]):
        month.act(at + number * HOUR, "bob", "key.export", object=f"key/{key}",
                  source="192.168.5.23", details={"recipient": "ab" * 32})  # fmt: skip
    month.plant("exports", "many-exports", "principal/bob", at, at + 6 * HOUR)


def spraying_codes(month):
    """One code for many users, through the bank's own gateway."""
    at = day_us(a_day(month), month.chance.uniform(0, 24))
    for number in range(200):
        month.act(at + number * SECOND, "login", "otp.verify", object=f"otp/u{number}",
                  source="10.1.5.5", token="t-login", details={"result": "failed"})  # fmt: skip
    month.plant("spraying codes", "otp-failures", "network/10.1.5.0/24", at, at + HOUR,
                "principal/login")  # fmt: skip


def guessing_codes(month):
    """Stolen passwords are tried, from everywhere, by the bank's own login: a code for each."""
    at = day_us(a_day(month), month.chance.uniform(0, 24))
    for number in range(300):
        item = f"otp-{number:026d}:wrong-code"
        month.act(at + number * SECOND, "login", "otp.verify", source=f"10.{number % 250}.7.7",
                  token="t-login", details={"count": 1, "items": [item]})  # fmt: skip
    month.plant("guessing codes", "otp-guesses", "principal/login", at, at + HOUR)


def exported_seeds(month):
    """Who may migrate credentials does so, though nothing is migrated."""
    at = day_us(a_workday(month), month.chance.uniform(10, 16))
    for number in range(5):
        month.act(at + number * MINUTE, "bob", "otp.export", source="192.168.5.23",
                  details={"count": 200, "recipient": "ab" * 32})  # fmt: skip
    month.plant("exported seeds", "otp-secrets", "principal/bob", at, at + HOUR)


def disabled_colleague(month):
    """Who was shown the door knocks again, three times in some hours."""
    day = a_workday(month)
    identity(month, day_us(day - 3, 9), "gina")
    month.act(day_us(day - 2, 9), "gina", "key.list", source="192.168.5.50", token="t-gina")
    month.act(day_us(day, 9), "anna", "principal.update", object="principal/gina",
              source="192.168.5.24",
              details={"changed": ["disabled"], "roles": [], "disabled": 1})  # fmt: skip
    for at in month.within(day_us(day, 10), 8 * HOUR, 4):
        month.refused(at, "", "key.decrypt", "unauthenticated", object="key/mail",
                      source="93.40.1.1", token="t-gina")  # fmt: skip
    month.plant("disabled colleague", "disabled-principal", "principal/gina", day_us(day, 9),
                day_us(day, 19))  # fmt: skip


def leaked_token(month):
    """A token was revoked because it was found in a repository; others found it, too."""
    day = a_workday(month)
    month.act(day_us(day, 9), "anna", "token.revoke", object="token/t-leaked",
              source="192.168.5.24", details={"token": "t-leaked"})  # fmt: skip
    for at in month.within(day_us(day, 9.5), 10 * HOUR, 8):
        source = f"{month.chance.randrange(11, 220)}.7.7.{month.chance.randrange(9)}"
        month.refused(at, "", "key.list", "unauthenticated", source=source,
                      token="t-leaked")  # fmt: skip
    month.plant("leaked token", "revoked-token", "token/t-leaked", day_us(day, 9),
                day_us(day, 21))  # fmt: skip


ATTACKS = (
    stolen_token,
    curious_colleague,
    dump_by_day,
    dump_by_night,
    batches,
    night_job_by_day,
    probing_for_rights,
    probing_by_batch,
    guessing_tokens,
    session_at_night,
    session_on_sunday,
    retired_key,
    destruction,
    sabotage,
    exports,
    spraying_codes,
    guessing_codes,
    exported_seeds,
    disabled_colleague,
    leaked_token,
)
