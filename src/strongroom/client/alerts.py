"""Calls about alerts: what the watcher found in the audit log of the namespace."""

from strongroom.client.call import Call, getting, id_part, paging, posting
from strongroom.domain import alerts, limits


def list_alerts(
    *,
    state: str = "",
    severity: str = "",
    limit: int = limits.PAGE_ITEMS_DEFAULT,
    page_token: str = "",
) -> Call[alerts.AlertPage]:
    """A page of alerts, the newest first. `state` is `open` or `acknowledged`.

    Follow `next_page_token` until it is empty: a page may be shorter than its limit.
    """
    return paging(
        "alert.list",
        "/v1/alerts",
        alerts.AlertPage,
        limit,
        page_token,
        state=state,
        severity=severity,
    )


def read_alert(alert_id: str) -> Call[alerts.AlertView]:
    """An alert, with its evidence: `read_receipt` proves each entry by its request."""
    path = f"/v1/alerts/{id_part(alert_id)}"
    return getting("alert.read", path, alerts.AlertView, target=alert_id)


def acknowledge_alert(alert_id: str, note: str = "") -> Call[alerts.AlertView]:
    """You have looked at it; `note` says what came of that. It is kept who did, and when."""
    ask = alerts.AcknowledgeAlert(note=note)
    path = f"/v1/alerts/{id_part(alert_id)}/acknowledge"
    return posting("alert.acknowledge", path, alerts.AlertView, ask, target=alert_id)
