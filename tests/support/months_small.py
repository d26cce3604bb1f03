"""The month of a small shop, and of a batch system. See `month`."""

from tests.support.month import DAY, DAYS, HOUR, MINUTE, SECOND, WAVE, Month, chance, day_us

BATCH = {"count": 1000, "uses": ["archive/1:1000"]}


def shop(seed):
    """One application, two keys, an owner who works whenever she likes."""
    month = Month("shop", chance(seed))
    dice = month.chance
    for day in range(DAYS):
        for hour, wave in enumerate(WAVE):
            for at in month.within(day_us(day, hour), HOUR, month.about(wave / 20)):
                month.use(at, "app", "encrypt", "orders", "10.0.0.5")
                if dice.random() < 0.5:
                    month.use(at + SECOND, "app", "decrypt", "orders", "10.0.0.5")
        _owner(month, day)
        for at in month.within(day_us(day), DAY, month.about(3)):
            month.refused(at, "", "key.list", "unauthenticated",
                          source=f"{dice.randrange(11, 220)}.1.1.1")  # fmt: skip
    at = day_us(dice.randrange(16, DAYS), dice.uniform(0, 24))
    for when in month.within(at, 30 * MINUTE, 1500):
        month.use(when, "app", "decrypt", "orders", "10.0.0.5")
    month.plant("dump", "decrypt-rate", "key/orders", at, at + HOUR)
    at = day_us(dice.randrange(16, DAYS), dice.uniform(0, 24))
    month.use(at, "app", "decrypt", "orders", "45.9.20.1")
    month.plant("stolen token", "first-use-from-network", "network/45.9.20.0/24", at, at + HOUR)
    return month


def _owner(month, day):
    dice = month.chance
    if dice.random() < 0.4:
        begins = day_us(day, dice.triangular(7, 23.5, 20))
        for at in month.within(begins, HOUR // 2, month.about(5)):
            month.act(at, "owner", "key.list", source="79.1.2.3", token="t-owner")
        if dice.random() < 0.2:  # she exports her orders for the bookkeeper
            for at in month.within(begins, HOUR // 2, month.about(120)):
                month.use(at, "owner", "decrypt", "orders", "79.1.2.3")


def batches(seed):
    """The same at the same minute, day for day."""
    month = Month("batches", chance(seed))
    dice = month.chance
    for day in range(DAYS):
        for hour in range(24):
            for number in range(30):
                month.use(day_us(day, hour) + number * SECOND, "hourly", "decrypt", "feed",
                          "10.2.0.1")  # fmt: skip
        for number in range(50):
            month.use(
                day_us(day, 1) + number * 2 * SECOND,
                "nightly",
                "decrypt",
                "archive",
                "10.2.0.2",
                details=BATCH,
            )
        for number in range(400):
            month.use(day_us(day, 5) + number * SECOND, "morning", "decrypt", "statements",
                      "10.2.0.3")  # fmt: skip
    at = day_us(dice.randrange(16, DAYS), dice.uniform(8, 22))
    for number in range(300):
        month.use(at + number * SECOND, "hourly", "decrypt", "feed", "10.2.0.1")
    month.plant("more of the same", "decrypt-rate", "key/feed", at, at + HOUR)
    at = day_us(dice.randrange(16, DAYS), dice.uniform(9, 22))
    for number in range(400):
        month.use(at + number * SECOND, "morning", "decrypt", "statements", "10.2.0.3")
    month.plant("at another hour", "unusual-hour", "principal/morning", at, at + HOUR,
                "key/statements")  # fmt: skip
    at = day_us(dice.randrange(16, DAYS), dice.uniform(9, 22))
    for number in range(200):
        month.use(
            at + number * 2 * SECOND, "nightly", "decrypt", "archive", "10.2.0.2", details=BATCH
        )
    month.plant("four times", "bulk-decrypt", "principal/nightly", at, at + HOUR, "key/archive")
    return month
