"""The month of a bank. See `month`; the attacks in it are in `attacks`."""

from tests.support.attacks import ATTACKS, KEYS, identity
from tests.support.month import (
    DAY,
    DAYS,
    HOUR,
    MINUTE,
    SECOND,
    WAVE,
    Month,
    chance,
    day_us,
    is_workday,
)

SERVICES = {
    # name: key, action, uses an hour at the peak, network
    "checkout": (("cards", "decrypt", 160), ("cards", "encrypt", 60), ("orders", "encrypt", 40)),
    "mobile": (("profiles", "decrypt", 300), ("sessions", "mac", 60)),
    "payments": (("payments", "sign", 40), ("cards", "decrypt", 30)),
    "mailer": (("profiles", "decrypt", 15),),
}
NETS = {"checkout": "10.1.1", "mobile": "10.1.2", "payments": "10.1.3", "mailer": "10.1.4"}
PEOPLE = {
    # name: begins work, ends work, entries a day, home network
    "anna": (8, 17, 12, "81.20.4"),
    "bob": (9, 18, 10, "91.33.7"),
    "carla": (7.5, 16, 8, "77.2.91"),
    "dave": (10, 19, 15, "84.180.3"),
    "erik": (8.5, 17.5, 9, "62.4.18"),
}


def bank(seed):
    """A bank's month."""
    month = Month("bank", chance(seed))
    for day in range(DAYS):
        _services(month, day)
        _night(month, day)
        _people(month, day)
        _noise(month, day)
    for piece in NEWS:
        piece(month)
    for attack in ATTACKS:
        attack(month)
    return month


def _services(month, day):
    # A campaign in the second week; weekends and holidays are slower.
    pace = {9: 2.5}.get(day, 1.0) * (1.0 if is_workday(day) else 0.6)
    pace *= month.chance.uniform(0.85, 1.15)
    deploy = day % 7 in {1, 3} and is_workday(day)
    for service, works in SERVICES.items():
        instance = day // 3 % 5  # deploys move them about in their network
        for key, action, peak in works:
            for hour, wave in enumerate(WAVE):
                count = month.about(peak * pace * wave / 100)
                for at in month.within(day_us(day, hour), HOUR, count):
                    source = f"{NETS[service]}.{10 + instance + month.chance.randrange(3)}"
                    month.use(at, service, action, key, source)
            if deploy:  # caches are cold
                count = month.about(peak * 0.8)
                for at in month.within(day_us(day, 10.2), 20 * MINUTE, count):
                    month.use(at, service, action, key, f"{NETS[service]}.{20 + instance}")


def _night(month, day):
    # Settlement: batches of 1,000, late by some minutes; once by three hours.
    at = day_us(day, 2 + (3 if day == 12 else 0)) + month.chance.random() * 15 * MINUTE
    for _ in range(20):
        at += 4 * SECOND
        month.use(
            at, "settlement", "decrypt", "payments", "10.1.9.4",
            details={"count": 1000, "uses": ["payments/1:1000"]},
        )  # fmt: skip
    if day % 7 == 6:  # the week's report, early on Sunday
        for at in month.within(day_us(day, 4), 40 * MINUTE, month.about(900)):
            month.use(at, "reporting", "decrypt", "reports", "10.1.9.5")
    for number, key in enumerate(KEYS):  # the backup
        month.act(
            day_us(day, 3.5) + number * 2 * SECOND, "backup", "key.backup",
            object=f"key/{key}", source="10.1.9.6", token="t-backup",
        )  # fmt: skip
    for minute in range(0, 1440, 15):
        month.act(
            day_us(day) + minute * MINUTE, "monitor", "status.read",
            object="namespace/bank", source="10.1.9.7", token="t-monitor",
        )  # fmt: skip


def _people(month, day):
    for name, (begins, ends, entries, home) in PEOPLE.items():
        # Now and then somebody looks in on a Saturday, or works late.
        # Carla never does: on a Sunday, it is not her.
        saturday = day % 7 == 5 and name != "carla" and month.chance.random() < 0.04
        if not is_workday(day) and not saturday:
            continue
        if month.chance.random() < 0.08:  # ill, or away
            continue
        late = 3 if month.chance.random() < 0.02 else 0
        source = f"{home}.77" if month.chance.random() < 0.3 else f"192.168.5.{len(name) + 20}"
        count = month.about(entries / (3 if saturday else 1))
        for at in month.within(day_us(day, begins), round((ends + late - begins) * HOUR), count):
            action = month.chance.choice(("key.list", "key.read", "audit.read", "policy.list"))
            month.act(at, name, action, object="namespace/bank", source=source, token=f"t-{name}")
        if name == "dave":  # support decrypts a mail now and then
            for at in month.within(day_us(day, 10), 8 * HOUR, month.about(5)):
                month.use(at, "dave", "decrypt", "mail", source)
        if name == "erik":
            for at in month.within(day_us(day, 9), 8 * HOUR, month.about(6)):
                month.use(at, "erik", "decrypt", "mail", source)


def _noise(month, day):
    dice = month.chance
    for name in (*PEOPLE, "checkout", "mobile"):
        for at in month.within(day_us(day, 8), 10 * HOUR, month.about(0.6)):
            month.refused(
                at, name, "key.read", dice.choice(("not-allowed", "not-found")),
                object="key/cardz", source="192.168.5.9", token=f"t-{name}",
            )  # fmt: skip
    # A record that was damaged long ago is tried again every hour.
    for hour in range(24):
        month.refused(
            day_us(day, hour + 0.1), "mailer", "key.decrypt", "invalid-ciphertext",
            object="key/profiles", source="10.1.4.11", token="t-mailer",
        )  # fmt: skip
    # The internet knocks.
    for at in month.within(day_us(day), DAY, month.about(12)):
        source = f"{dice.randrange(11, 220)}.{dice.randrange(256)}.{dice.randrange(256)}.9"
        month.refused(at, "", "key.list", "unauthenticated", source=source)
    # Customers mistype their codes; all come through the bank's own gateway.
    for hour, wave in enumerate(WAVE):
        for at in month.within(day_us(day, hour), HOUR, month.about(wave / 2)):
            month.act(
                at, "login", "otp.verify", source="10.1.5.5", token="t-login",
                object=f"otp/u{dice.randrange(3000)}",
                details={"result": "failed" if dice.random() < 0.06 else "accepted"},
            )  # fmt: skip


# What changes in a month without anybody's ill will.


def _newcomer(month):
    """A colleague comes in the third week."""
    made = day_us(14, 9)
    identity(month, made, "fred")
    for day in range(14, DAYS):
        if is_workday(day):
            for at in month.within(day_us(day, 9), 8 * HOUR, month.about(8)):
                month.use(at, "fred", "decrypt", "mail", "192.168.5.44")


def _new_service(month):
    """A new key, and a new service on a network of its own that uses it and an old one."""
    month.act(day_us(15, 11), "anna", "key.create", object="key/loyalty", source="192.168.5.24")
    identity(month, day_us(15, 11.1), "loyalty")
    for day in range(15, DAYS):
        for hour, wave in enumerate(WAVE):
            for key, peak in (("loyalty", 60), ("profiles", 20)):
                if day == 15 and hour < 13:
                    continue
                count = month.about(peak * wave / 100)
                for at in month.within(day_us(day, hour), HOUR, count):
                    month.use(at, "loyalty", "decrypt", key, "10.1.6.8")


def _replaced_token(month):
    """A token is replaced; a forgotten process tries the old one, notices and stops."""
    month.act(
        day_us(10, 13), "anna", "token.create", object="principal/mailer",
        source="192.168.5.24", details={"token": "t-mailer-2", "expires": ""},
    )  # fmt: skip
    month.act(
        day_us(11, 13), "anna", "token.revoke", object="token/t-mailer-old",
        source="192.168.5.24", details={"token": "t-mailer-old"},
    )  # fmt: skip
    for at in month.within(day_us(11, 13.1), HOUR, 2):
        month.refused(at, "", "key.decrypt", "unauthenticated", source="10.1.4.12",
                      token="t-mailer-old", object="key/profiles")  # fmt: skip


def _retired_key(month):
    """An old key, used last long ago, is retired."""
    for at in month.within(day_us(0, 9), 6 * HOUR, 30):
        month.use(at, "reporting", "decrypt", "old", "10.1.9.5")
    month.act(day_us(20, 15), "anna", "key.schedule-destruction", object="key/old",
              source="192.168.5.24", details={"days": 30})  # fmt: skip


def _removal(month):
    """A team moves into another building."""
    for day in range(21, DAYS):
        if is_workday(day):
            for at in month.within(day_us(day, 9), 8 * HOUR, 4):
                month.use(at, "erik", "decrypt", "mail", "192.168.8.30")


def _rewrapping(month):
    """Somebody rewraps a table."""
    at = day_us(22, 10.5)
    for number in range(40):
        month.use(
            at + number * 3 * SECOND, "rewrap", "re-encrypt", "archive", "192.168.5.24",
            details={"count": 1000, "uses": ["archive/1:1000"]},
        )  # fmt: skip


NEWS = (_newcomer, _new_service, _replaced_token, _retired_key, _removal, _rewrapping)
