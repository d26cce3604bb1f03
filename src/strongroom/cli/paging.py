"""Lists come in pages. A person sees the first and is told how to go on; `--all` shows all."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from strongroom.cli import screen
from strongroom.cli.session import Session
from strongroom.domain import asks, limits

if TYPE_CHECKING:
    from strongroom.client.call import Call

PageT = TypeVar("PageT", asks.KeyPage, asks.PrincipalPage, asks.TokenPage, asks.NamespacePage)


def pages(
    at: Session,
    listing: Callable[..., "Call[PageT]"],
    limit: int,
    page_token: str,
    *,
    all_pages: bool,
) -> Iterator[PageT]:
    """One page, or all from there on."""
    if all_pages:
        limit = limits.PAGE_ITEMS_MAX
    while True:
        page = at.ask(listing(limit=limit, page_token=page_token))
        yield page
        page_token = page.next_page_token
        if not all_pages or not page_token:
            return


def more(page_token: str) -> None:
    """Say that the list goes on, if it does."""
    if page_token:
        screen.note(f"There are more: --all shows them, --page-token {page_token} the next page.")
