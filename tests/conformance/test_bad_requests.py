"""Signed and malformed: AWS's errors for whatever comes, and nothing else."""

import base64
import hashlib
import http.client
import json
from urllib.parse import urlsplit

import pytest

from tests.conformance.conftest import REGION

JSON = "application/x-amz-json-1.1"


class Caller:
    """Signs anything at all, by AWS's own signer, and sends it as it is."""

    def __init__(self, node, key):
        from botocore.credentials import Credentials

        self._url = node.url
        self._netloc = urlsplit(node.url).netloc
        self._credentials = Credentials(key["access_key"], key["secret_access_key"])

    def signed(self, body, *, target="TrentService.GenerateRandom", headers=(), service="kms"):
        """Headers with a signature."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(
            "POST", self._url + "/", data=body,
            headers={"Content-Type": JSON, "X-Amz-Target": target, **dict(headers)},
        )  # fmt: skip
        SigV4Auth(self._credentials, service, REGION).add_auth(request)
        return list(request.headers.items())

    def send(self, body, headers, *, path="/", method="POST"):
        """Status, headers and JSON of the answer."""
        connection = http.client.HTTPConnection(self._netloc, timeout=60)
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if not any(name.lower() == "content-length" for name, _ in headers):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, dict(response.getheaders()), content

    def refused(self, body, headers, **how):
        """The code of a refusal, in both its places."""
        status, told, content = self.send(body, headers, **how)
        assert status == 400, (status, content)
        code = json.loads(content)["__type"]
        told = {name.lower(): value for name, value in told.items()}
        assert told["x-amzn-errortype"] == code
        assert told["content-type"] == JSON
        assert told["x-amzn-requestid"]
        assert told["date"]
        return code


@pytest.fixture(scope="module")
def caller(boto3, node, account):
    del boto3
    return Caller(node, account.key_of("admin"))


def test_a_good_request_is_answered(caller):
    body = b'{"NumberOfBytes":4}'
    status, headers, content = caller.send(body, caller.signed(body))
    assert status == 200
    assert list(json.loads(content)) == ["Plaintext"]
    assert {name.lower() for name in headers} >= {"x-amzn-requestid", "date"}


def test_operations_without_an_answer_have_an_empty_body(caller, kms):
    name = kms.create_key()["KeyMetadata"]["KeyId"]
    body = json.dumps({"KeyId": name}).encode()
    status, _, content = caller.send(body, caller.signed(body, target="TrentService.DisableKey"))
    assert (status, content) == (200, b"")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "ValidationException"),
        (b"{}", "ValidationException"),
        (b"null", "SerializationException"),
        (b"[]", "SerializationException"),
        (b'"x"', "SerializationException"),
        (b"{", "SerializationException"),
        (b"\xff", "SerializationException"),
        (b'{"NumberOfBytes":"4"}', "SerializationException"),
        (b'{"NumberOfBytes":4.5}', "SerializationException"),
        (b'{"NumberOfBytes":true}', "SerializationException"),
        (b'{"NumberOfBytes":[]}', "SerializationException"),
        (b'{"NumberOfBytes":1e400}', "SerializationException"),
        (b'{"NumberOfBytes":99999999999999999999999}', "SerializationException"),
        (b'{"NumberOfBytes":-1}', "ValidationException"),
        (b"[" * 100_000, "SerializationException"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "SerializationException"),
        (b'{"NumberOfBytes":4,"Recipient":{}}', "UnsupportedOperationException"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_body_that_is_not_as_the_model_has_it_is_refused(caller, body, code):
    assert caller.refused(body, caller.signed(body)) == code


@pytest.mark.parametrize(
    "body",
    [
        b'{"NumberOfBytes":5,"NumberOfBytes":4}',
        b'{"NumberOfBytes":4,"x":{"NumberOfBytes":5}}',
    ],
)
def test_of_a_member_that_is_there_twice_the_last_counts(caller, body):
    status, _, content = caller.send(body, caller.signed(body))
    assert (status, len(json.loads(content)["Plaintext"])) == (200, 8)


def test_of_a_context_in_which_a_name_is_twice_one_value_is_weighed_and_used(node, account, kms):
    key = kms.create_key()["KeyMetadata"]
    user = f"arn:aws:iam::{key['AWSAccountId']}:user/"
    own = {"StringEquals": {"kms:EncryptionContext:tenant": "mine"}}
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": user + who}, "Action": "kms:*", "Resource": "*"}
        | more
        for who, more in (("admin", {}), ("tenant", {"Condition": own}))
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    tenant = Caller(node, account.newcomer("tenant"))
    kms.put_key_policy(KeyId=key["KeyId"], Policy=policy)

    def asked(first, second):
        body = (
            f'{{"KeyId":"{key["KeyId"]}","Plaintext":"eA==","EncryptionContext":'
            f'{{"tenant":"{first}","tenant":"{second}"}}}}'
        ).encode()
        return body, tenant.signed(body, target="TrentService.Encrypt")

    assert tenant.refused(*asked("mine", "yours")) == "AccessDeniedException"
    status, _, content = tenant.send(*asked("yours", "mine"))
    assert status == 200
    blob = base64.b64decode(json.loads(content)["CiphertextBlob"])
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext={"tenant": "mine"})
    assert opened["Plaintext"] == b"x"


@pytest.mark.parametrize(
    ("target", "given", "code"),
    [
        ("Encrypt", {"KeyId": 1, "Plaintext": "AA=="}, "SerializationException"),
        ("Encrypt", {"KeyId": "x", "Plaintext": "A"}, "SerializationException"),
        ("Encrypt", {"KeyId": "x", "Plaintext": "*AA="}, "SerializationException"),
        ("Encrypt", {"KeyId": "\x00", "Plaintext": "AA=="}, "NotFoundException"),
        ("Encrypt", {"KeyId": "x" * 2049, "Plaintext": "AA=="}, "ValidationException"),
        ("Encrypt", {"KeyId": "alias/\u00e9", "Plaintext": "AA=="}, "NotFoundException"),
        ("Encrypt", {"KeyId": "x", "Plaintext": "AA==", "EncryptionContext": {"a": 1}},
         "SerializationException"),
        ("Encrypt", {"KeyId": "x", "Plaintext": "AA==", "EncryptionContext": []},
         "SerializationException"),
        ("Encrypt", {"KeyId": "x", "Plaintext": "AA==", "EncryptionAlgorithm": "X"},
         "ValidationException"),
        ("Encrypt", {"KeyId": "x", "Plaintext": "AA==", "GrantTokens": ["t"]},
         "InvalidGrantTokenException"),
        ("Decrypt", {}, "ValidationException"),
        ("Decrypt", {"CiphertextBlob": "AA=="}, "InvalidCiphertextException"),
        ("CreateKey", {"Tags": [{"TagKey": "a"}]}, "ValidationException"),
        ("CreateKey", {"Tags": "a"}, "SerializationException"),
        ("CreateKey", {"Description": "x" * 8193}, "ValidationException"),
        ("ListKeys", {"Marker": "\u0100"}, "ValidationException"),
        ("ListKeys", {"Limit": 0}, "ValidationException"),
        ("ScheduleKeyDeletion", {"KeyId": "x", "PendingWindowInDays": 366}, "ValidationException"),
        ("PutKeyPolicy", {"KeyId": "x", "Policy": "{}"}, "NotFoundException"),
        ("ConnectCustomKeyStore", {"CustomKeyStoreId": "cks-1"}, "UnsupportedOperationException"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_a_member_that_is_not_as_the_model_has_it_is_refused(caller, target, given, code):
    body = json.dumps(given).encode()
    assert caller.refused(body, caller.signed(body, target=f"TrentService.{target}")) == code


def test_every_operation_refuses_an_empty_request_or_serves_it(caller):
    from strongroom.doors.aws.table import TABLE

    for operation in TABLE:
        status, _, content = caller.send(
            b"{}", caller.signed(b"{}", target=f"TrentService.{operation}")
        )
        assert status in (200, 400), (operation, status, content)
        assert not content or isinstance(json.loads(content), dict)


@pytest.mark.parametrize(
    "target", ["TrentService.Nothing", "TrentService.", "X.Encrypt", "", "TrentService.encrypt"]
)
def test_a_target_that_is_none_is_no_operation(caller, target):
    headers = caller.signed(b"{}", target=target)
    assert caller.refused(b"{}", headers) == "UnknownOperationException"


def test_two_targets_are_none(caller):
    headers = [*caller.signed(b"{}"), ("X-Amz-Target", "TrentService.ListKeys")]
    assert caller.refused(b"{}", headers) == "UnknownOperationException"


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "x" * 100])
def test_another_media_type_is_refused(caller, media_type):
    headers = caller.signed(b"{}", headers={"Content-Type": media_type}.items())
    assert caller.refused(b"{}", headers) == "SerializationException"


def _without(headers, name):
    return [(one, value) for one, value in headers if one.lower() != name]


def test_without_a_signature_nothing_is_done(caller):
    headers = _without(caller.signed(b"{}"), "authorization")
    assert caller.refused(b"{}", headers) == "MissingAuthenticationTokenException"
    for value in ("", "Bearer srt_x", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=x"):
        other = [*headers, ("Authorization", value)]
        assert caller.refused(b"{}", other) == "IncompleteSignatureException"


def test_another_body_than_was_signed_is_refused(caller):
    headers = caller.signed(b'{"NumberOfBytes":4}')
    assert caller.refused(b'{"NumberOfBytes":5}', headers) == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("name", "value"),
    [("x-amz-target", "TrentService.ListKeys"), ("x-amz-date", "20200101T000000Z"),
     ("content-type", JSON + "; charset=utf-8"), ("host", "another.example")],
)  # fmt: skip
def test_another_header_than_was_signed_is_refused(caller, name, value):
    headers = [*_without(caller.signed(b"{}"), name), (name, value)]
    code = caller.refused(b"{}", headers)
    assert code == (
        "IncompleteSignatureException" if name == "x-amz-date" else "InvalidSignatureException"
    )


@pytest.mark.parametrize(
    "value", ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "0" * 64, ""]
)
def test_a_content_hash_that_is_not_the_bodys_is_refused(caller, value):
    headers = caller.signed(b"{}", headers={"X-Amz-Content-SHA256": value}.items())
    assert caller.refused(b"{}", headers) == "InvalidSignatureException"


def test_the_bodys_own_content_hash_is_taken(caller):
    body = b'{"NumberOfBytes":4}'
    digest = {"X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest()}
    status, _, _ = caller.send(body, caller.signed(body, headers=digest.items()))
    assert status == 200


def test_a_signature_for_another_service_is_refused(caller):
    headers = caller.signed(b"{}", service="s3")
    assert caller.refused(b"{}", headers) == "InvalidSignatureException"


def presigned(node, key, body, session=None):
    """Path and query of a presigned request, and its headers."""
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    class OfTheBody(SigV4QueryAuth):
        """botocore's own would move the body's members into the query."""

        def payload(self, request):
            del request
            return hashlib.sha256(body).hexdigest()

    credentials = Credentials(key["access_key"], key["secret_access_key"], session)
    headers = {"Content-Type": JSON, "X-Amz-Target": "TrentService.GenerateRandom"}
    request = AWSRequest("POST", node.url + "/", headers=headers)
    OfTheBody(credentials, "kms", REGION, expires=60).add_auth(request)
    return request.url.removeprefix(node.url), list(headers.items())


def test_a_presigned_request_carries_its_session_token_in_the_query(caller, account, node):
    ask = {"principal": "admin", "session": True}
    key = account.admin.ask("POST", "/v1/access-keys", ask).json
    body = b'{"NumberOfBytes":4}'
    session = key["session_token"]
    path, headers = presigned(node, key, body, session)
    assert "X-Amz-Security-Token" in path
    assert caller.send(body, headers, path=path)[0] == 200
    another = path.replace(session, "srs_" + "a" * 52)
    assert caller.refused(body, headers, path=another) == "UnrecognizedClientException"
    path, headers = presigned(node, key, body)
    assert caller.refused(body, headers, path=path) == "UnrecognizedClientException"
    unsigned = [*headers, ("X-Amz-Security-Token", session)]
    assert caller.refused(body, unsigned, path=path) == "InvalidSignatureException"


def test_who_signs_twice_is_nobody(caller, account, node):
    body = b'{"NumberOfBytes":4}'
    path, headers = presigned(node, account.key_of("admin"), body)
    assert caller.send(body, headers, path=path)[0] == 200
    both = [*headers, ("Authorization", dict(caller.signed(body))["Authorization"])]
    assert caller.refused(body, both, path=path) == "IncompleteSignatureException"


def test_a_security_token_that_was_not_signed_is_refused(caller):
    headers = [*caller.signed(b"{}"), ("X-Amz-Security-Token", "t")]
    assert caller.refused(b"{}", headers) == "InvalidSignatureException"


def test_a_body_that_is_too_long_is_not_read_to_its_end(caller):
    from strongroom.domain import limits

    body = b" " * (limits.AWS_BODY_BYTES_MAX + 1)
    assert caller.refused(body, caller.signed(body)) == "RequestEntityTooLargeException"
    body = b'{"NumberOfBytes":4}' + body[:-20]
    assert len(body) == limits.AWS_BODY_BYTES_MAX
    assert caller.send(body, caller.signed(body))[0] == 200


def test_a_body_that_is_announced_as_too_long_is_not_read_at_all(caller):
    headers = [*caller.signed(b"{}"), ("Content-Length", "9" * 18)]
    assert caller.refused(b"{}", headers) == "RequestEntityTooLargeException"


def test_who_proves_nothing_learns_nothing_of_the_body(caller, node):
    stranger = Caller(node, {"access_key": "SRAKAAAAAAAAAAAAAAAA", "secret_access_key": "x"})
    assert stranger.refused(b"[]", stranger.signed(b"[]")) == "UnrecognizedClientException"


def test_the_native_api_is_where_it_was(caller, node):
    status, _, _ = caller.send(b"{}", [("Host", "x")], path="/v1/whoami", method="GET")
    assert status == 401
    status, _, content = caller.send(b"{}", [("Host", "x")])
    assert status in (404, 405), content
    del node
