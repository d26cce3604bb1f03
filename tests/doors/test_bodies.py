"""Bodies and parameters: what is taken; what is refused, with a word about what would be right."""

import base64
import json
from contextlib import nullcontext, suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.domain import limits
from strongroom.domain.algorithms import ALGORITHMS
from strongroom.domain.calls import DECODERS
from strongroom.domain.errors import InvalidRequest, Refusal
from strongroom.doors.rest import wire
from tests.doors.conftest import problem_of

ENCRYPT = "/v1/keys/demo/encrypt"
CREDENTIAL = "otp-" + "a" * 26
ITEM = f'{{"id":"{CREDENTIAL}","code":"1"}}'


def refused(response, pointer, *, status=400, code="invalid-request"):
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (status, code), response.text
    assert [error["pointer"] for error in problem.get("errors", [])] == (
        [pointer] if pointer else []
    )
    return problem["detail"]


@pytest.mark.parametrize(
    ("body", "pointer", "right"),
    [
        ('{"plaintext":"AAA"}', "$.plaintext", "base64"),
        ('{"plaintext":"A-_="}', "$.plaintext", "base64"),
        ('{"plaintext":"AA ="}', "$.plaintext", "base64"),
        ('{"plaintext":7}', "$.plaintext", "Expected bytes, got int"),
        ('{"plaintext":null}', "$.plaintext", "Expected bytes, got null"),
        ('{"plaintext":"","context":{"a":7}}', "$.context[...]", "Expected str"),
        ('{"plaintext":"","context":[]}', "$.context", "Expected object"),
        ('{"items":[]}', "$.items", ">= 1"),
        ('{"items":[{"plaintext":""},{}]}', "$.items[1]", "plaintext"),
        ('{"items":[{"plaintext":"","y":""}]}', "$.items[0]", "fields are: plaintext, context"),
        ('{"plaintext":"","items":[{"plaintext":""}]}', "$", "not both"),
        ('{"context":{"a":"b"}}', "$", "either plaintext"),
        ("{}", "$", "either plaintext"),
        ("", "$", "either plaintext"),
        ("[]", "$", "Expected object"),
        ('"text"', "$", "Expected object"),
        ("null", "$", "Expected object"),
        ("{", "$", "truncated"),
        ('{"plaintext":""} {}', "$", "trailing characters"),
        ('{"plaintext":"",}', "$", "trailing comma"),
        ("{'plaintext':''}", "$", "malformed"),
        ('\ufeff{"plaintext":""}', "$", "malformed"),
        ('{"plaintext":"","context":{"a":"\\ud800"}}', "$", "truncated"),
        ('{"plaintext":"","context":{"\\udc00":""}}', "$", "malformed"),
    ],
)  # fmt: skip
def test_a_wrong_body_is_told_what_would_be_right(entrance, body, pointer, right):
    assert right in refused(entrance.post(ENCRYPT, body), pointer)


@pytest.mark.parametrize(
    "body",
    [
        b'{"plaintext":"","context":{"a":"\xff"}}',
        b'{"plaintext":"","context":{"\xed\xa0\x80":""}}',
        b'{"\xff":""}',
    ],
)
def test_what_is_no_utf8_is_refused(entrance, body):
    assert "UTF-8" in refused(entrance.post(ENCRYPT, body), "$")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"plaintext":' * 100_000,
        b'{"colour":' * 100_000,
        b'{"context":{"a":' + b"[" * 500_000,
        b'{"items":' + b"[" * 500_000,
        b'{"items":[{"context":' + b'{"a":' * 100_000,
    ],
)
def test_depth_is_no_bomb(entrance, body):
    problem = problem_of(entrance.post(ENCRYPT, body))
    assert problem["code"] == "invalid-request"


@pytest.mark.parametrize(
    "body",
    [
        '{"plaintext":"AAAA","plaintext":"AAAA"}',
        '{"plaintext":"AAAA","plaintext":"BBBB"}',
        '{"plaintext":"AAAA","pl\\u0061intext":"BBBB"}',
        '{"plaintext":"AAAA","context":{"a":"1","a":"1"}}',
        '{"plaintext":"AAAA","context":{"a":"1","\\u0061":"2"}}',
        '{"plaintext":"AAAA","context":{},"context":{"a":"1"}}',
        '{"plaintext":"AAAA","context":{"a":"1"},"context":{}}',
        '{"plaintext":"AAAA","context":{"a":"1"},"context":{"b":"1"}}',
        '{"plaintext" : "AAAA" , "plaintext" : "AAAA"}',
        '{"items":[{"plaintext":"AAAA"}],"items":[{"plaintext":"AAAA"}]}',
        '{"items":[{"plaintext":"AAAA"},{"plaintext":"AAAA","plaintext":"BBBB"}]}',
        '{"items":[{"plaintext":"AAAA","context":{"a":"1","a":"2"}}]}',
    ],
)
def test_a_name_that_is_there_twice_is_refused(entrance, body):
    assert "twice" in refused(entrance.post(ENCRYPT, body), "$")


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("key.create", '{"name":"a","name":"a"}'),
        ("key.create", '{"name":"a","labels":{"x":"1","x":"2"}}'),
        ("key.update", '{"description":"","description":""}'),
        ("key.decrypt", '{"ciphertext":"AAAA","ciphertext":"AAAA"}'),
        ("principal.create", '{"name":"a","roles":[],"roles":[]}'),
        ("policy.write", '{"text":"a","text":"b"}'),
        ("authorize.explain", '{"principal":"a","action":"b","context":{"a":"","a":""}}'),
        ("otp.verify", '{"code":"1","code":"2"}'),
        ("otp.verify", '{"code":"1","transaction":{"a":"1","a":"2"}}'),
        ("otp.verify", f'{{"items":[{{"id":"{CREDENTIAL}","code":"1","code":"2"}}]}}'),
        ("otp.verify", f'{{"items":[{ITEM}],"items":[{ITEM}]}}'),
        ("otp.verify-user", '{"user":"a","code":"1","code":"2"}'),
    ],
)
def test_a_name_that_is_there_twice_is_refused_everywhere(operation, body):
    with pytest.raises(InvalidRequest, match="twice"):
        wire.ask_of_body(operation, body.encode())


@pytest.mark.parametrize(
    "body",
    [
        '{"plaintext":"AAAA","context":{"urn:a":"urn:b:c"}}',
        '{"plaintext":"AAAA","context":{"a\\":\\"b":"\\":"}}',
        '{ "plaintext" : "AAAA", "context" : {} }',
        '{"items":[{"plaintext":"AAAA"},{"plaintext":"AAAA","context":{"a":"b:c"}}]}',
        '{"plaintext":"AAAA","context":{"a":"\t"}}'.replace("\t", "\\t"),
    ],
)
def test_colons_and_spaces_are_no_repetition(entrance, body):
    response = entrance.post(ENCRYPT, body)
    assert response.status_code == 200, response.text


_TEXT = st.text(alphabet='ab:"\\ {}', max_size=4)
_CONTEXTS = st.lists(st.tuples(_TEXT, _TEXT), max_size=4)


def _object(pairs):
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in pairs) + "}"


def _twice(pairs):
    return len({name for name, _ in pairs}) < len(pairs)


@given(
    contexts=st.lists(_CONTEXTS, max_size=2),
    plaintexts=st.integers(1, 2),
    batch=st.lists(_CONTEXTS, min_size=1, max_size=3) | st.none(),
)
def test_exactly_the_bodies_that_repeat_a_name_are_refused(contexts, plaintexts, batch):
    """Whatever the quick count says, a parser that looks at each name says the same."""
    spelled = [_object([(n, json.dumps(v)) for n, v in pairs]) for pairs in contexts]
    if batch is None:
        pairs = [("plaintext", '"AAAA"')] * plaintexts + [("context", one) for one in spelled]
        twice = _twice(pairs) or any(map(_twice, contexts))
    else:
        items = [
            _object([("plaintext", '""'),
                     ("context", _object([(n, json.dumps(v)) for n, v in one]))])
            for one in batch
        ]  # fmt: skip
        pairs = [("items", f"[{','.join(items)}]")]
        twice = any(map(_twice, batch))
    with pytest.raises(InvalidRequest, match="twice") if twice else nullcontext():
        wire.ask_of_body("key.encrypt", _object(pairs).encode())


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_bytes_are_an_ask_or_a_refusal(body):
    for operation in ("key.encrypt", "key.create", "key.rotate", "authorize.explain"):
        with suppress(Refusal):
            DECODERS[operation].decode(wire.ask_of_body(operation, body))


@given(st.text(alphabet="`'$.[]at -SECRET\n\"\\", max_size=30))
def test_no_refusal_repeats_what_was_sent(text):
    marker = "SECRET"
    for body in (
        {text + marker: 1},
        {"plaintext": "", "context": {text + marker: 1}},
        {"plaintext": "!" + text + marker},
        {"items": [{text + marker: 1}]},
    ):
        with pytest.raises(Refusal) as caught:
            wire.ask_of_body("key.encrypt", msgspec.json.encode(body))
        assert marker not in caught.value.detail
        assert marker not in getattr(caught.value, "pointer", "")
    for fields in ({"algorithm": text + marker}, {"name": text + marker}):
        with pytest.raises(InvalidRequest) as caught:
            wire.ask_of_body("key.create", msgspec.json.encode({"name": "a"} | fields))
        assert marker not in caught.value.detail + caught.value.pointer


def test_an_unknown_algorithm_is_told_the_known_ones(entrance):
    response = entrance.admin("POST", "/v1/keys", json={"name": "a", "algorithm": "rot13"})
    assert refused(response, "$.algorithm") == f"must be one of: {', '.join(ALGORITHMS)}"


@pytest.mark.parametrize("name", ["Demo", "-a", "a-", "a b", "a\n", "", "a" * 64, "ä", "a/b"])
def test_what_is_no_name_makes_no_key(entrance, name):
    assert "1 to 63" in refused(entrance.admin("POST", "/v1/keys", json={"name": name}), "$.name") \
        or len(name) > 63  # fmt: skip


@pytest.mark.parametrize("name", ["Demo", "a%20b", "a%00", "%64emo", "-", "a" * 63 + "%"])
def test_what_is_no_name_is_no_policy(entrance, name):
    text = "permit (principal, action, resource);"
    response = entrance.admin("PUT", f"/v1/policies/{name}", json={"text": text})
    assert response.status_code in {400, 404}
    assert len(name) == 1 or name not in response.text


def test_plaintext_of_the_limit_is_taken_and_one_more_is_too_large(entrance):
    most = base64.b64encode(bytes(limits.PLAINTEXT_BYTES_MAX)).decode()
    assert entrance.post(ENCRYPT, json.dumps({"plaintext": most})).status_code == 200
    more = base64.b64encode(bytes(limits.PLAINTEXT_BYTES_MAX + 1)).decode()
    response = entrance.post(ENCRYPT, json.dumps({"plaintext": more}))
    assert "65,536 bytes" in refused(response, "", status=413, code="too-large")


def test_batch_of_the_limit_is_taken_and_one_more_is_too_large(entrance):
    item = {"plaintext": "AAAA"}
    body = {"items": [item] * limits.BATCH_ITEMS_MAX}
    answer = entrance.post(ENCRYPT, json.dumps(body)).json()
    assert len(answer["items"]) == limits.BATCH_ITEMS_MAX
    body["items"].append(item)
    response = entrance.post(ENCRYPT, json.dumps(body))
    assert "1,000 items" in refused(response, "", status=413, code="too-large")


def test_batch_tells_each_item_its_outcome(entrance):
    good = entrance.post(ENCRYPT, '{"plaintext":"AAAA"}').json()["ciphertext"]
    items = [{"ciphertext": good}, {"ciphertext": "AAAA"}]
    answer = entrance.post("/v1/decrypt", json.dumps({"items": items})).json()
    assert answer["items"][0] == {"plaintext": "AAAA", "key_version": 1}
    assert answer["items"][1]["error"]["code"] == "invalid-ciphertext"


def test_a_bad_ciphertext_is_dull(entrance):
    for text in ("", "AAAA", base64.b64encode(bytes(200)).decode()):
        problem = problem_of(entrance.post("/v1/decrypt", json.dumps({"ciphertext": text})))
        assert (problem["status"], problem["code"]) == (400, "invalid-ciphertext")


@pytest.mark.parametrize("body", ["", "{}", " {} "])
@pytest.mark.parametrize("act", ["disable", "enable", "rotate"])
def test_an_act_without_fields_needs_no_body(entrance, act, body):
    if act == "enable":
        entrance.admin("POST", "/v1/keys/demo/disable")
    response = entrance.admin(
        "POST", f"/v1/keys/demo/{act}", content=body, headers=[("Content-Type", "application/json")]
    )
    entrance.admin("POST", "/v1/keys/demo/enable")
    assert response.status_code == 200, response.text


# --- parameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "limit=1", "limit=1000", "page_token=a", "page_token="])
def test_parameters_are_read(entrance, query):
    assert entrance.admin("GET", f"/v1/keys?{query}").status_code == 200


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "$.limit"),
        ("limit=1001", "$.limit"),
        ("limit=01", "$.limit"),
        ("limit=1.0", "$.limit"),
        ("limit=1e2", "$.limit"),
        ("limit=%201", "$.limit"),
        ("limit=-1", "$.limit"),
        ("limit=%D9%A1", "$.limit"),  # an Arabic one
        ("limit=many", "$.limit"),
        ("limit=", "$.limit"),
        ("page_token=" + "a" * 513, "$.page_token"),
        ("limit", ""),
        ("limit=1&", ""),
        ("&", ""),
        ("=1", ""),
        ("limit=1&limit=1", ""),
        ("limit=1&l%69mit=1", ""),
        ("page_token=%FF", ""),
    ],
)
def test_parameters_out_of_bounds_or_order_are_refused(entrance, query, pointer):
    refused(entrance.admin("GET", f"/v1/keys?{query}"), pointer)


@pytest.mark.parametrize("value", ["true", "false"])
def test_a_parameter_that_is_true_or_false_has_two_spellings(value):
    decoded = DECODERS["otp.list"].decode(wire.ask_of_query("otp.list", f"locked={value}".encode()))
    assert decoded.locked is (value == "true")


@pytest.mark.parametrize("value", ["1", "0", "True", "FALSE", "yes", "", "null"])
def test_another_spelling_of_true_and_false_is_refused(value):
    with pytest.raises(InvalidRequest) as caught:
        wire.ask_of_query("otp.list", f"locked={value}".encode())
    assert caught.value.pointer == "$.locked"


def test_a_plus_in_a_zone_is_a_plus(entrance):
    response = entrance.admin("GET", "/v1/audit/events?since=2026-01-31T12:00:00+01:00")
    assert response.status_code == 200


def test_a_time_without_a_zone_is_refused_by_the_custodian_with_a_pointer(entrance):
    response = entrance.admin("GET", "/v1/audit/events?since=2026-01-31T12:00:00")
    assert "RFC 3339" in refused(response, "$.since")


def test_parameters_where_a_body_speaks_are_refused(entrance):
    response = entrance.post(f"{ENCRYPT}?plaintext=AAAA", '{"plaintext":"AAAA"}')
    assert "use the body" in refused(response, "")


def test_a_body_where_parameters_speak_is_refused(entrance):
    response = entrance.admin("GET", "/v1/keys", json={"limit": 5})
    assert "no body" in refused(response, "")
