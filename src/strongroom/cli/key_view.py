"""How a key is shown: what matters about it, and nothing that does not."""

from typing import TYPE_CHECKING

from strongroom.cli import screen
from strongroom.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from strongroom.domain import asks


def show(at: Session, key: "asks.KeyView") -> None:
    """The key, and its versions where there is something to say of them."""
    from msgspec import UNSET

    if at.json:
        at.show_json(key)
        return
    screen.show_facts(
        (
            ("name", key.name),
            ("state", screen.styled(key.state)),
            *_dates(key),
            ("version", str(key.current_version) if key.current_version else "none yet"),
            ("waiting version", _waiting(key)),
            ("min version", str(key.min_version) if key.min_version > 1 else ""),
            ("algorithm", key.algorithm),
            ("purpose", key.purpose),
            ("protection", f"{key.protection}, {key.origin}"),
            ("rotation", _rotation(key)),
            ("multi-region", _related(key)),
            ("exportable", "yes" if key.exportable else ""),
            ("deletion", "protected" if key.deletion_protection else ""),
            *_bounds(key.control),
            ("labels", screen.pairs(key.labels)),
            ("description", key.description),
            ("created", screen.moment(key.created)),
            ("id", key.id),
        )
    )
    if key.versions is not UNSET and (len(key.versions) > 1 or any(map(_is_odd, key.versions))):
        screen.show_lines("")
        _show_versions(key.versions)


def _dates(key: "asks.KeyView") -> "Iterator[tuple[str, str]]":
    waits = key.state == "pre-activation" and bool(key.activates)
    yield "activates", screen.moment(key.activates) if waits else ""
    ended = key.state in {"destruction-scheduled", "destroyed"}
    yield "deactivates", "" if ended else screen.moment(key.deactivates)
    yield "destroys", screen.moment(key.destroys) if key.state == "destruction-scheduled" else ""
    yield "destroyed", screen.moment(key.destroyed)


def _rotation(key: "asks.KeyView") -> str:
    parts = []
    if key.rotation_days:
        parts.append(f"every {_counted(key.rotation_days, 'day')}")
    if key.rotation_uses:
        parts.append(f"after {_counted(key.rotation_uses, 'use')}")
    if key.rotates and key.state in {"active", "pre-activation"}:
        parts.append(f"next {screen.moment(key.rotates)}")
    return ", ".join(parts)


def _waiting(key: "asks.KeyView") -> str:
    if not key.waiting_version:
        return ""
    where = f", to be imported in {', '.join(key.awaited_in)} first" if key.awaited_in else ""
    return f"{key.waiting_version}{where}"


def _related(key: "asks.KeyView") -> str:
    from msgspec import UNSET

    related = key.related
    if related is UNSET:
        return ""
    kind = "the primary" if related.is_primary else f"a replica of {related.primary}'s"
    where = f", replicas in {', '.join(related.replicas)}" if related.replicas else ""
    waits = (
        f"; destroyed {_counted(related.waits_days, 'day')} after them"
        if related.waits_days
        else ""
    )
    return f"{kind}{where}{waits}"


def _bounds(control: "asks.ControlView") -> "Iterator[tuple[str, str]]":
    yield "only for", ", ".join(control.operations)
    yield "not before", screen.moment(control.not_before)
    yield "not after", screen.moment(control.not_after)
    yield "uses", f"at most {control.uses_max:,}" if control.uses_max else ""
    yield (
        "rate",
        (
            f"{control.rate_uses:,} in any {_counted(control.rate_seconds, 'second')}"
            if control.rate_uses
            else ""
        ),
    )
    yield (
        "context",
        (f"must have {', '.join(control.required_context)}" if control.required_context else ""),
    )


def _is_odd(version: "asks.VersionView") -> bool:
    return version.state != "active" or not version.material or bool(version.expires)


def _show_versions(versions: "list[asks.VersionView]") -> None:
    remarks = [_remark(each) for each in versions]
    remarked = any(remarks)
    rows: list[tuple[str | Text, ...]] = [
        (str(each.version), screen.styled(each.state), screen.moment(each.created))
        for each in versions
    ]
    if remarked:
        rows = [(*row, remark) for row, remark in zip(rows, remarks, strict=True)]
    screen.show_table(("version", "state", "created", *(("material",) if remarked else ())), rows)


def _remark(version: "asks.VersionView") -> str:
    """What becomes or became of its material."""
    if version.destroyed:
        return f"destroyed {screen.moment(version.destroyed)}"
    if version.destroys:
        return f"to be destroyed {screen.moment(version.destroys)}"
    if not version.material:
        return f"expired {screen.moment(version.expires)}" if version.expires else "gone"
    return f"expires {screen.moment(version.expires)}" if version.expires else ""


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
