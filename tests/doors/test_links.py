"""The page behind a link: shown once, to whoever opens it, and to nobody who only looks ahead."""

import asyncio
import base64
import hashlib
import io
import re
import struct
import time
import zlib
from html.parser import HTMLParser

import httpx
import msgspec
import pytest
import segno

from strongroom.domain.calls import Reply
from strongroom.domain.errors import Unavailable
from strongroom.domain.otp import otpauth
from strongroom.domain.otp.asks import Provisioned
from strongroom.doors.rest import accepts
from tests.doors.conftest import Entrance, problem_of
from tests.support.desks import House
from tests.support.otp import totp, wrong

BROWSER = ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8")
NAMES = {"account": "<b>alice</b>&\"'@example.com", "issuer": "Müller & Söhne <script>"}


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    entrance = Entrance(House(tmp_path_factory.mktemp("links") / "strongroom.db"))
    body = {"name": "clerk", "roles": ["otp-enroller"]}
    assert entrance.admin("POST", "/v1/principals", json=body).is_success
    made = entrance.admin("POST", "/v1/tokens", json={"principal": "clerk", "days": 1}).json()
    entrance.clerk = made["token"]
    return entrance


@pytest.fixture(autouse=True)
def _as_it_was(bank):
    bank.rebuilt()


def enrolled(bank, **fields):
    """The answer to an enrolment."""
    body = {"user": "customer-4711", **NAMES, **fields}
    response = bank.send("POST", "/v1/otp", bank.clerk, json=body)
    assert response.status_code == 201, response.text
    return response.json()


def link(bank, **fields):
    return enrolled(bank, **fields)["link"]["path"]


def opened(bank, path):
    return bank.send("GET", path, headers=[BROWSER])


class Page(HTMLParser):
    """What is on a page: its words, its tags with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def modules(png):
    """The dark and light of a picture of five pixels a module, as rows of true and false."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    stream, chunks = io.BytesIO(png[8:]), {}
    while head := stream.read(8):
        length, kind = struct.unpack(">I4s", head)
        chunks[kind] = chunks.get(kind, b"") + stream.read(length)
        stream.read(4)
    width, height, depth, colours = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colours, width) == (1, 0, height)  # of one bit, grey
    stream, rows = io.BytesIO(zlib.decompress(chunks[b"IDAT"])), []
    while way := stream.read(1):
        row = stream.read((width + 7) // 8)
        if way == b"\2":  # by how it differs from the row above
            row = bytes(one + above & 255 for one, above in zip(row, rows[-1], strict=True))
        rows.append(row)
    bits = ["".join(f"{byte:08b}" for byte in row)[:width] for row in rows]
    return [[bit == "0" for bit in row[::5]] for row in bits[::5]]


def test_a_link_shows_what_an_app_needs_and_says_what_to_do(bank):
    made = enrolled(bank)
    response = opened(bank, made["link"]["path"])
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(response.text)
    (uri,) = (each["href"] for each in page.all("a"))
    told = otpauth.parse(uri)
    assert (told.account, told.issuer) == (NAMES["account"], NAMES["issuer"])
    key = base64.b32encode(told.secret.reveal()).decode().rstrip("=")
    assert " ".join(re.findall(".{1,4}", key)) in page.text
    assert f"Account {NAMES['account']} Issuer {NAMES['issuer']} Key" in page.text
    assert "TOTP, SHA1, 6 digits, 30 seconds" in page.text
    assert "enter the code that the app shows" in page.text
    assert page.text.startswith("Set up your one-time passwords")


def test_the_code_that_is_drawn_is_the_link_to_the_app(bank):
    page = Page(opened(bank, link(bank)).text)
    (uri,) = (each["href"] for each in page.all("a"))
    code = segno.make_qr(uri, error="m")
    (picture,) = (each["src"] for each in page.all("img"))
    png = base64.b64decode(picture.removeprefix("data:image/png;base64,"), validate=True)
    assert modules(png) == [[bool(bit) for bit in row] for row in code.matrix_iter(border=4)]
    (path,) = page.all("path")
    assert path["d"] in code.svg_inline()


def test_what_was_shown_proves_itself(bank):
    """From the enrolment to the first right code, as a user and a bank would go."""
    made = enrolled(bank)
    told = bank.send("GET", made["link"]["path"]).json()
    secret = otpauth.parse(told["uri"]).secret.reveal()
    at = f"/v1/otp/{made['credential']['id']}/activate"
    now = time.time_ns() // 1000
    codes = [totp(secret, now + steps * 30_000_000) for steps in range(-2, 3)]
    refused = bank.send("POST", at, bank.clerk, json={"code": wrong(*codes)})
    assert refused.json() == {"active": False}
    accepted = bank.send("POST", at, bank.clerk, json={"code": totp(secret, now)})
    assert accepted.json() == {"active": True}


def test_a_link_opens_once(bank):
    path = link(bank)
    assert opened(bank, path).status_code == 200
    again = opened(bank, path)
    assert again.status_code == 410
    assert again.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(again.text)
    assert "This link is used up or expired; ask for a new one." in page.text
    assert "somebody else may have" in page.text
    assert "otpauth" not in again.text
    assert problem_of(bank.send("GET", path))["code"] == "gone"


def test_of_many_who_open_a_link_at_once_one_sees_it(bank):
    path = link(bank)

    async def all_at_once():
        transport = httpx.ASGITransport(app=bank.door)
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            return await asyncio.gather(*(client.get(path) for _ in range(50)))

    statuses = [response.status_code for response in asyncio.run(all_at_once())]
    assert sorted(statuses) == [200] + 49 * [410]


def test_a_program_gets_the_same_as_json(bank):
    response = bank.send("GET", link(bank))
    assert response.headers["content-type"] == "application/json"
    told = msgspec.json.decode(response.content, type=Provisioned)
    assert base64.b32decode(told.key) == otpauth.parse(told.uri).secret.reveal()
    assert told.svg.startswith("<svg ")
    assert told.png.startswith("data:image/png;base64,")


@pytest.mark.parametrize("headers", [[BROWSER], []], ids=["page", "json"])
@pytest.mark.parametrize("spent", [False, True])
def test_what_a_link_answers_is_kept_by_nobody(bank, headers, spent):
    path = link(bank)
    if spent:
        opened(bank, path)
    said = bank.send("GET", path, headers=headers).headers
    assert said["cache-control"] == "no-store"
    assert said["referrer-policy"] == "no-referrer"
    assert said["x-robots-tag"] == "noindex, nofollow"
    assert said["x-content-type-options"] == "nosniff"
    assert said["x-frame-options"] == "DENY"


@pytest.mark.parametrize("spent", [False, True])
def test_the_page_has_no_script_and_takes_nothing_from_elsewhere(bank, spent):
    path = link(bank)
    if spent:
        opened(bank, path)
    response = opened(bank, path)
    policy = response.headers["content-security-policy"].split("; ")
    style = re.search(r"<style>(.*?)</style>", response.text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == [
        "default-src 'none'", f"style-src 'sha256-{digest}'", "img-src data:", "base-uri 'none'",
        "form-action 'none'", "frame-ancestors 'none'",
    ]  # fmt: skip
    page = Page(response.text)
    assert not {"script", "link", "iframe", "form", "b"} & {name for name, _ in page.tags}
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert not attributes.get("src", "data:").partition("data:")[0]
        assert attributes.get("href", "otpauth:").startswith("otpauth:")
    assert not re.search(r"url\(|@import|https?://", response.text.replace("&amp;", "&"))


def test_the_page_fits_a_phone(bank):
    """Nothing on it has a width of its own but as a bound, and the code is scaled, not cut off."""
    text = opened(bank, link(bank, algorithm="SHA512", digits=8)).text
    page = Page(text)
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all(
        "meta"
    )
    (drawn,) = page.all("svg")
    assert re.fullmatch(r"0 0 (\d+) \1", drawn["viewbox"])
    assert not {"width", "height"} & drawn.keys()
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    widths = re.findall(r"(?<![\w-])(?:min-)?width: *([^;}]+)", style)
    assert set(widths) == {"100%"}
    assert "overflow-wrap: anywhere" in style  # long keys and names


@pytest.mark.parametrize(
    "header",
    [
        ("Sec-Purpose", "prefetch"), ("Sec-Purpose", "prefetch;prerender"),
        ("Purpose", "prefetch"), ("Purpose", "Preview"), ("X-Purpose", "preview"),
        ("X-Moz", "prefetch"),
    ],
    ids=":".join,
)  # fmt: skip
def test_who_only_looks_ahead_does_not_use_a_link_up(bank, header):
    path = link(bank)
    bank.custodian.calls.clear()
    response = bank.send("GET", path, headers=[BROWSER, header])
    assert response.status_code == 425
    assert "Open the link again, in a browser of your own." in Page(response.text).text
    assert bank.custodian.calls == []
    assert opened(bank, path).status_code == 200


def test_no_other_method_uses_a_link_up(bank):
    path = link(bank)
    for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        response = bank.send(method, path, headers=[BROWSER])
        assert (response.status_code, response.headers["allow"]) == (405, "GET"), method
    assert opened(bank, path).status_code == 200


def test_nothing_is_added_to_a_link_in_vain(bank):
    path = link(bank)
    response = opened(bank, f"{path}?from=mail")
    assert response.status_code == 400
    assert "Open the link as it was sent" in Page(response.text).text
    assert opened(bank, path).status_code == 200


@pytest.mark.parametrize(
    "token",
    [
        "", "otl_", "otl_" + "A" * 85, "otl_" + "A" * 87, "otl_" + "A" * 85 + "B",
        "OTL_" + "A" * 86, "otl_" + "A" * 85 + "=", "otl_" + "%41" * 86, "srt_" + "a" * 72,
        "A" * 4_000, "<script>",
    ],
)  # fmt: skip
def test_what_is_no_token_is_told_the_same_without_a_custodian(bank, token):
    bank.custodian.calls.clear()
    response = bank.send("GET", f"/enrol/{token}")
    assert (response.status_code, problem_of(response)["code"]) == (410, "gone")
    assert token[4:] == "" or token not in response.text
    assert bank.custodian.calls == []


def test_an_unknown_token_is_told_the_same(bank):
    unknown, spent = f"/enrol/otl_{'A' * 86}", link(bank)
    opened(bank, spent)
    told = {opened(bank, path).content for path in (unknown, spent, "/enrol/otl_no")}
    assert len(told) == 1


def test_a_token_goes_nowhere_but_into_the_ask(bank):
    """In no target, no answer, no label of a figure, no entry of the log."""
    path = link(bank)
    token = path.removeprefix("/enrol/")
    bank.observed.clear()
    for _ in range(2):
        response = opened(bank, path)
        call = bank.custodian.calls[-1]
        assert (call.operation, call.target, call.token) == ("otp.fetch", "", "")
        assert token.encode() in call.ask
        assert token not in response.text
        entries = bank.entries(request=response.headers["strongroom-request-id"])
        assert [entry["action"] for entry in entries] == ["otp.fetch"]
        assert token not in str(entries)
    assert token not in str(bank.observed)
    assert {seen[0] for seen in bank.observed} == {"otp.fetch", "audit.read"}


def test_who_opens_a_link_needs_no_token_and_shows_none(bank):
    response = bank.send("GET", link(bank), bank.house.app)
    assert response.status_code == 200
    assert bank.custodian.calls[-1].token == ""


def test_a_counter_is_on_the_page(bank):
    page = Page(opened(bank, link(bank, type="hotp")).text)
    assert "HOTP, SHA1, 6 digits, counter 0" in page.text


def test_what_no_app_can_read_is_shown_as_a_key_alone(bank):
    suite = "OCRA-1:HOTP-SHA256-8:QN08"
    page = Page(opened(bank, link(bank, type="ocra", suite=suite)).text)
    assert f"OCRA, {suite}" in page.text
    assert re.search(r"Key( [A-Z2-7]{4}){5}", page.text)
    assert not {"svg", "img", "a"} & {name for name, _ in page.tags}


def test_names_too_long_for_a_code_leave_the_link_and_the_key(bank):
    page = Page(opened(bank, link(bank, account="🏦" * 128, issuer="🔐" * 128)).text)
    assert "🏦" * 128 in page.text
    assert [each["href"][:10] for each in page.all("a")] == ["otpauth://"]
    assert not page.all("svg")


def test_nobody_there_to_answer_is_told_on_a_page(bank):
    class Away:
        async def ask(self, _):
            return Reply(code=Unavailable.code, detail="no custodian can take this now")

    path = link(bank)
    bank.rebuilt(Away())
    response = opened(bank, path)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert "Try again in a minute." in Page(response.text).text
    bank.rebuilt()
    assert opened(bank, path).status_code == 200


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        (BROWSER[1], True), ("text/html", True), ("TEXT/HTML; charset=utf-8", True),
        ("text/html, application/json", True), ("text/html;q=0.5", True),
        ("", False), ("*/*", False), ("text/*", False), ("application/json", False),
        ("application/json, text/html;q=0.9", False), ("text/html;q=0", False),
        ("text/html;q=no", False), ("application/json;q=0.2, text/html;q=0.3", True),
    ],
)  # fmt: skip
def test_a_page_is_for_who_asks_for_one(accept, page):
    assert accepts.a_page([(b"host", b"door"), (b"accept", accept.encode())]) is page


def test_without_a_word_about_it_nobody_gets_a_page():
    assert not accepts.a_page([])
