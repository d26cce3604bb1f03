"""Every error that AWS's model has is provoked by a test with a real client, or cannot be here."""

from pathlib import Path

from strongroom.doors.aws.model import MODEL

HERE = Path(__file__).parent
# Whose operations are refused as a whole: custom key stores are AWS's.
STORES = ("CloudHsmCluster", "CustomKeyStore", "Xks", "IncorrectTrustAnchor")
ELSEWHERE = {
    "ConflictException": "two who change one key at the same moment: a custodian tries again first",
    "DependencyTimeoutException": "nothing here waits for another service",
    "InvalidAliasNameException": "the model's own pattern refuses such names before",
    "KeyUnavailableException": "a custodian that cannot be reached is KMSInternalException",
}


def test_every_error_of_the_model_is_provoked_or_has_a_reason_why_not():
    texts = "".join(
        path.read_text() for path in HERE.glob("test_*.py") if path.name != "test_errors.py"
    )
    errors = {name for name in MODEL.errors if not name.startswith(STORES)}
    provoked = {name for name in errors if f'"{name}"' in texts}
    assert errors - provoked == ELSEWHERE.keys()
