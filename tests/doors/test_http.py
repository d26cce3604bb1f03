"""HTTP itself: evidence, media types, lengths, paths, ids, broken connections, failures of ours."""

import asyncio
import json
import re

import pytest

from strongroom.domain import asks, limits
from strongroom.domain.calls import Reply
from strongroom.domain.errors import REFUSALS
from strongroom.doors.requests import source
from strongroom.doors.rest import errors
from tests.doors.conftest import problem_of

ENCRYPT = "/v1/keys/demo/encrypt"
BODY = b'{"plaintext":"AAAA"}'
JSON = ("Content-Type", "application/json")


def send_raw(door, *, messages, headers=(), method="POST", path=ENCRYPT, query=b""):
    """What the door sends when it receives these messages in turn; and which are left."""
    left, sent = list(messages), []

    async def receive():
        return left.pop(0)

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": method, "raw_path": path.encode(), "path": path,
        "query_string": query, "headers": list(headers), "client": ("192.0.2.7", 1),
    }  # fmt: skip
    asyncio.run(door(scope, receive, send))
    return sent, left


def evidence_of(entrance):
    return [(b"authorization", b"Bearer " + entrance.house.app.encode()),
            (b"content-type", b"application/json")]  # fmt: skip


# --- evidence -------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_known_in_any_case(entrance, scheme):
    header = ("Authorization", f"{scheme} {entrance.house.app}")
    response = entrance.send("POST", ENCRYPT, content=BODY, headers=[JSON, header])
    assert response.status_code == 200


@pytest.mark.parametrize(
    "spelling", ["{}", "Basic {}", "Bearer{}", "Bearer  {}", "Bearer {} ", "Token {}"]
)
def test_evidence_spelled_otherwise_is_none(entrance, spelling):
    header = ("Authorization", spelling.format(entrance.house.app))
    response = entrance.send("POST", ENCRYPT, content=BODY, headers=[JSON, header])
    assert response.status_code == 401


def test_evidence_that_is_there_twice_is_none(entrance):
    header = ("Authorization", f"Bearer {entrance.house.app}")
    response = entrance.send("POST", ENCRYPT, content=BODY, headers=[JSON, header, header])
    assert response.status_code == 401
    assert entrance.custodian.calls[-1].token == ""


def test_evidence_in_the_address_is_none(entrance):
    for name in ("token", "access_token", "authorization"):
        response = entrance.send("GET", f"/v1/keys?{name}={entrance.house.app}")
        assert response.status_code == 401


def test_without_evidence_the_body_is_not_even_read(entrance):
    sent, left = send_raw(
        entrance.door, messages=[{"type": "http.request", "body": b"[" * 1000, "more_body": True}]
    )
    assert sent[0]["status"] == 401
    assert len(left) == 1
    assert entrance.custodian.calls[-1].ask == b""


def test_a_malformed_request_without_proof_learns_that_alone_and_is_on_record(entrance):
    token = "srt_" + "a" * 72
    response = entrance.send("POST", ENCRYPT, token, content=b"{{{", headers=[JSON])
    assert problem_of(response)["code"] == "unauthenticated"


def test_a_malformed_request_is_on_record_under_who_sent_it(entrance):
    response = entrance.post(ENCRYPT, "{{{")
    (entry,) = entrance.entries(request=response.headers["strongroom-request-id"])
    assert (entry["principal"], entry["reason"]) == ("app", "invalid-request")
    assert (entry["action"], entry["object"]) == ("key.encrypt", "key/demo")


def test_a_forwarded_address_is_not_believed(entrance):
    headers = [("X-Forwarded-For", "10.0.0.1"), ("Forwarded", "for=10.0.0.1")]
    response = entrance.admin("GET", "/v1/whoami", headers=headers)
    (entry,) = entrance.entries(request=response.headers["strongroom-request-id"])
    assert entry["source"] == "192.0.2.7"


def test_a_peer_without_an_address_has_none():
    assert source({"client": None}) == ""
    assert source({}) == ""


# --- media types and lengths ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8",
     'application/json; charset="utf-8"'],
)  # fmt: skip
def test_json_by_any_of_its_names(entrance, kind):
    response = entrance.app("POST", ENCRYPT, content=BODY, headers=[("Content-Type", kind)])
    assert response.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [[], [("Content-Type", "text/plain")], [("Content-Type", "application/x-www-form-urlencoded")],
     [("Content-Type", "application/json; charset=utf-16")],
     [("Content-Type", "application/jsonx")],
     [("Content-Type", "")], [JSON, JSON], [JSON, ("Content-Encoding", "gzip")]],
)  # fmt: skip
def test_what_is_not_called_json_is_not_read_as_json(entrance, headers):
    response = entrance.app("POST", ENCRYPT, content=BODY, headers=headers)
    assert (response.status_code, problem_of(response)["code"]) == (415, "unsupported-media-type")


def test_what_is_announced_as_too_long_is_not_read(entrance):
    length = str(limits.BODY_BYTES_MAX + 1).encode()
    headers = [*evidence_of(entrance), (b"content-length", length)]
    sent, left = send_raw(entrance.door, headers=headers, messages=[{"type": "http.request"}])
    assert sent[0]["status"] == 413
    assert len(left) == 1
    assert json.loads(sent[1]["body"])["code"] == "too-large"


def test_an_absurd_length_is_no_failure(entrance):
    headers = [*evidence_of(entrance), (b"content-length", b"9" * 5_000)]
    sent, _ = send_raw(entrance.door, headers=headers, messages=[{"type": "http.request"}])
    assert sent[0]["status"] == 413


def test_what_is_not_announced_is_counted_while_it_comes(entrance):
    part = {"type": "http.request", "body": bytes(1 << 20), "more_body": True}
    sent, left = send_raw(entrance.door, headers=evidence_of(entrance), messages=[part] * 20)
    assert sent[0]["status"] == 413
    assert len(left) == 20 - (limits.BODY_BYTES_MAX >> 20) - 1


def test_one_part_above_the_limit_is_too_large(entrance):
    part = {"type": "http.request", "body": bytes(limits.BODY_BYTES_MAX + 1), "more_body": False}
    sent, _ = send_raw(entrance.door, headers=evidence_of(entrance), messages=[part])
    assert sent[0]["status"] == 413


def test_a_body_in_parts_is_one_body(entrance):
    messages = [{"type": "http.request", "body": BODY[at : at + 1], "more_body": True}
                for at in range(len(BODY))]  # fmt: skip
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    sent, _ = send_raw(entrance.door, headers=evidence_of(entrance), messages=messages)
    assert sent[0]["status"] == 200


@pytest.mark.parametrize("before", [0, 1])
def test_a_client_that_hangs_up_is_not_answered_and_nothing_is_done(entrance, before):
    part = {"type": "http.request", "body": BODY, "more_body": True}
    messages = [part] * before + [{"type": "http.disconnect"}]
    sent, _ = send_raw(entrance.door, headers=evidence_of(entrance), messages=messages)
    assert sent == []
    assert entrance.custodian.calls == []
    assert entrance.observed[-1][:2] == ("key.encrypt", "client-gone")


# --- paths ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/", "", "/v1", "/v1/", "/v2/keys", "/v1/keys/", "/v1/keys//encrypt", "/v1/keys/demo/",
     "/v1/keys/demo/encrypt/", "/v1/keys/demo/encrypt/x", "/v1/keys/demo/shred", "/v1/secrets/demo",
     "/v1/keys/" + "a" * 70, "/v1/keys/a\x7f", "/V1/keys", "/v1/%6Beys", "*"],
)  # fmt: skip
def test_nothing_is_there(entrance, path):
    sent, _ = send_raw(entrance.door, method="GET", path=path, messages=[{"type": "http.request"}])
    assert sent[0]["status"] == 404
    assert json.loads(sent[1]["body"])["code"] == "no-such-path"
    assert entrance.custodian.calls == []
    assert entrance.observed[-1][:2] == ("none", "no-such-path")


@pytest.mark.parametrize("name", ["Demo", "%64emo", "demo%00", "demo.", "no-such-key", "..%2fdemo"])
def test_what_can_be_no_name_is_refused_like_what_does_not_exist(entrance, name):
    known = problem_of(entrance.admin("GET", "/v1/keys/missing"))
    response = entrance.admin("GET", f"/v1/keys/{name}")
    told = problem_of(response)
    assert {**told, "request_id": ""} == {**known, "request_id": ""}
    (entry,) = entrance.entries(request=told["request_id"])
    assert entry["reason"] == "not-found"


def test_ids_are_32_hexadecimal_digits_and_sort_by_time(entrance):
    ids = [entrance.send("GET", "/v1/nothing").headers["strongroom-request-id"] for _ in range(20)]
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)
    assert len(set(ids)) == 20
    assert [one[:12] for one in ids] == sorted(one[:12] for one in ids)


def test_answers_are_not_for_caches(entrance):
    for response in (entrance.admin("GET", "/v1/keys"), entrance.send("GET", "/v1/nothing")):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert int(response.headers["content-length"]) == len(response.content)


# --- refusals, failures, and what stands beside the door ------------------------------------------


class Answering:
    """A custodian with one reply for everything."""

    def __init__(self, reply):
        self.reply = reply

    async def ask(self, call):
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


def test_every_refusal_has_a_status_and_no_other_code_has():
    codes = {refusal.code for refusal in (*REFUSALS, *errors.OWN)}
    assert set(errors.STATUSES) == codes == set(errors.TITLES)
    assert len(codes) == len(REFUSALS) + len(errors.OWN)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda r: r.code)
def test_each_refusal_becomes_its_status(entrance, refusal):
    reply = Reply(code=refusal.code, detail="for people", pointer="$.here", decision="d" * 32)
    entrance.rebuilt(Answering(reply))
    response = entrance.app("GET", "/v1/whoami")
    problem = problem_of(response)
    assert response.status_code == errors.STATUSES[refusal.code]
    assert (problem["code"], problem["title"]) == (refusal.code, refusal.title)
    assert problem["errors"] == [{"pointer": "$.here", "detail": "for people"}]
    later = refusal.code in {"unavailable", "rate-limited"}
    assert ("retry-after" in response.headers) is later
    assert ("www-authenticate" in response.headers) is (refusal.code == "unauthenticated")
    assert entrance.observed[-1][:2] == ("identity.read", refusal.code)


@pytest.mark.parametrize(
    "reply",
    [RuntimeError("SECRET"), ValueError(b"SECRET"), Reply(code="from-the-future", detail="SECRET"),
     Reply(answer=b"SECRET"), Reply(answer=b"\x80"), Reply(answer=b"\x80", variant=7)],
)  # fmt: skip
def test_a_mistake_of_ours_is_clean_and_says_nothing(entrance, reply):
    logged = []
    entrance.rebuilt(Answering(reply), log=logged.append)
    response = entrance.app("GET", "/v1/whoami")
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (500, "internal-error")
    assert "SECRET" not in response.text
    assert "Traceback" not in response.text
    if not isinstance(reply, Reply) or not reply.code:
        assert logged == [problem["request_id"]]


def test_only_a_denial_carries_a_decision(entrance):
    assert "decision_id" in problem_of(entrance.app("GET", "/v1/audit/events"))
    assert "decision_id" not in problem_of(entrance.admin("GET", "/v1/keys/missing"))
    assert "decision_id" not in problem_of(entrance.send("GET", "/v1/keys"))


def test_a_taken_name_conflicts(entrance):
    response = entrance.admin("POST", "/v1/keys", json={"name": "demo"})
    assert (response.status_code, problem_of(response)["code"]) == (409, "already-exists")


def test_a_disabled_key_conflicts(entrance):
    assert entrance.admin("POST", "/v1/keys", json={"name": "shut"}).status_code == 201
    assert entrance.admin("POST", "/v1/keys/shut/disable").status_code == 200
    response = entrance.admin("POST", "/v1/keys/shut/encrypt", json={"plaintext": "AAAA"})
    assert (response.status_code, problem_of(response)["code"]) == (409, "key-not-usable")


def test_the_gate_fills_in_the_rooms(entrance):
    async def enrich(status):
        status.rooms = [{"name": "gate-1"}]
        return status

    entrance.rebuilt(enrich=enrich)
    assert entrance.admin("GET", "/v1/status").json()["rooms"] == [{"name": "gate-1"}]
    assert isinstance(entrance.admin("GET", "/v1/whoami").json()["roles"], list)


def test_a_refused_status_has_no_rooms(entrance):
    async def enrich(status):
        raise AssertionError

    entrance.rebuilt(enrich=enrich)
    assert entrance.app("GET", "/v1/status").status_code == 403


async def _page(scope, receive, send):
    headers = [(b"content-type", b"text/plain"), (b"cache-control", b"public")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"a page"})


def test_pages_are_shown_with_the_headers_of_all_answers(entrance):
    entrance.pages["/metrics"] = _page
    entrance.rebuilt()
    response = entrance.send("GET", "/metrics")
    assert response.text == "a page"
    assert response.headers.get_list("cache-control") == ["no-store"]
    assert len(response.headers["strongroom-request-id"]) == 32
    assert entrance.observed[-1][:2] == ("page", "ok")


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "DELETE"])
def test_pages_are_for_reading(entrance, method):
    entrance.pages["/metrics"] = _page
    entrance.rebuilt()
    response = entrance.send(method, "/metrics")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


def test_every_request_is_observed_once(entrance):
    entrance.admin("GET", "/v1/keys")
    entrance.app("POST", "/v1/keys", json={"name": "mine"})
    entrance.send("GET", "/nowhere")
    assert [seen[:2] for seen in entrance.observed] == [
        ("key.list", "ok"), ("key.create", "not-allowed"), ("none", "no-such-path"),
    ]  # fmt: skip
    assert all(seconds > 0 for _, _, seconds, _ in entrance.observed)


def test_what_is_not_http_is_a_mistake_of_the_server(entrance):
    async def nothing(*_):
        raise AssertionError

    with pytest.raises(RuntimeError):
        asyncio.run(entrance.door({"type": "websocket"}, nothing, nothing))


def test_status_view_is_what_enrich_gets():
    assert asks.StatusView.__struct_fields__[-1] == "rooms"
