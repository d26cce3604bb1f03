"""Lists come in pages. A person sees the first and is told how to go on; `--all` shows all."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from strongroom.cli import screen
from strongroom.cli.session import Session
from strongroom.domain import alerts, asks, limits, transfers
from strongroom.domain.iam import asks as iam
from strongroom.domain.otp import asks as otp

if TYPE_CHECKING:
    from strongroom.client.call import Call

PageT = TypeVar(
    "PageT",
    asks.KeyPage,
    asks.PrincipalPage,
    asks.TokenPage,
    asks.NamespacePage,
    transfers.AliasPage,
    iam.GrantPage,
    alerts.AlertPage,
    otp.CredentialPage,
    otp.JobPage,
)
ItemT = TypeVar("ItemT")


def collected(
    at: Session,
    listing: Callable[..., "Call[PageT]"],
    items: Callable[[PageT], list[ItemT]],
    limit: int,
    page_token: str,
    *,
    all_pages: bool,
) -> tuple[list[ItemT], str]:
    """What is on one page, or on all from there on; and the token of the page that follows.

    A page may be empty and lead on: then the first that is not is shown.
    """
    if all_pages:
        limit = limits.PAGE_ITEMS_MAX
    found: list[ItemT] = []
    while True:
        page = at.ask(listing(limit=limit, page_token=page_token))
        found += items(page)
        page_token = page.next_page_token
        if not page_token or (found and not all_pages):
            return found, page_token


def more(page_token: str) -> None:
    """Say that the list goes on, if it does."""
    if page_token:
        screen.note(f"There are more: --all shows them, --page-token {page_token} the next page.")
