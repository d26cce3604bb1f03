"""Which server with which token: options, environment, profile file, in their order."""

import os

import pytest

from strongroom.cli import profiles, settings
from strongroom.cli.failures import CommandError
from strongroom.cli.settings import Common, resolve

TOKEN = "srt_" + "a" * 72


@pytest.fixture
def profile(nobody):
    """Write the profile file; its path."""

    def write(text, mode=0o600):
        file = nobody / ".config" / "strongroom" / "profiles.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    return write


TWO = f"""
[default]
url = "https://default.example"
token = "{TOKEN}"
[other]
url = "https://other.example/kms/"
token = "{TOKEN[:-1]}b"
"""


def refusal(common=None):
    with pytest.raises(CommandError) as caught:
        resolve(common or Common()).token()
    failure = caught.value.failure
    return failure.exit, f"{failure.what} {failure.advice}"


def test_nothing_at_all_means_the_dev_server_and_no_token(nobody):
    assert resolve(Common()).url == settings.DEV_URL
    code, said = refusal()
    assert code == 3
    assert "There is no token in STRONGROOM_TOKEN." in said


def test_default_profile_is_used_where_the_environment_says_nothing(profile):
    profile(TWO)
    place = resolve(Common())
    assert (place.url, place.token()) == ("https://default.example", TOKEN)


def test_environment_names_a_profile(profile, monkeypatch):
    profile(TWO)
    monkeypatch.setenv("STRONGROOM_PROFILE", "other")
    assert resolve(Common()).url == "https://other.example/kms"


def test_environment_is_one_source_and_the_profile_another(profile, monkeypatch):
    """A token of the profile does not go to a URL of the environment, nor the other way."""
    profile(TWO)
    monkeypatch.setenv("STRONGROOM_URL", "https://environment.example")
    assert refusal()[0] == 3
    monkeypatch.setenv("STRONGROOM_TOKEN", "srt_e")
    place = resolve(Common())
    assert (place.url, place.token()) == ("https://environment.example", "srt_e")
    place = resolve(Common(profile="other"))
    assert (place.url, place.token()) == ("https://other.example/kms", TOKEN[:-1] + "b")


def test_typed_url_takes_no_token_from_the_default_profile(profile):
    profile(TWO)
    assert refusal(Common(url="https://typed.example"))[0] == 3


def test_typed_url_with_a_named_profile_is_meant(profile):
    profile(TWO)
    place = resolve(Common(profile="default", url="https://typed.example"))
    assert (place.url, place.token()) == ("https://typed.example", TOKEN)


def test_token_of_a_profile_is_in_no_repr(profile):
    profile(TWO)
    assert TOKEN not in repr(resolve(Common()))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601])
def test_profile_file_that_others_can_open_is_refused(profile, mode):
    file = profile(TWO, mode)
    code, said = refusal()
    assert code == 2
    assert f"chmod 600 {file}" in said
    file.chmod(0o400)
    assert resolve(Common()).token() == TOKEN


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_profile_file_of_somebody_else_is_refused(profile):
    file = profile(TWO)
    os.chown(file, 12345, -1)
    assert "belongs to somebody else" in refusal()[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "There is no profile 'default'"),
        ("default = 1", "There is no profile 'default'"),
        ("[default]\n", "has no url"),
        (f'[default]\nurl = "https://x"\ntokn = "{TOKEN}"', "not tokn"),
        (f'[default]\nurl = "https://x"\ntoken = ["{TOKEN}"]', "text in quotes"),
        (f'[default]\nurl = "https://x"\ntoken = {TOKEN}', "not valid TOML"),
        ('[default]\nurl = "https://x"\n', "There is no token in the profile 'default'."),
        (f'[default]\nurl = "https://x"\ntoken = "{TOKEN} "', "it has blanks"),
        (f'[default]\nurl = "http://kms.example"\ntoken = "{TOKEN}"', "Without TLS"),
    ],
)
def test_profile_that_is_not_right_is_refused_without_repeating_the_token(profile, text, said):
    profile(text)
    code, told = refusal()
    assert code in (2, 3)
    assert said in told
    assert TOKEN not in told


def test_profile_file_that_is_no_text_is_refused(profile):
    profile("").write_bytes(b"\xff")
    assert "not UTF-8" in refusal()[1]


def test_named_profile_needs_a_file(nobody):
    assert "There is no profile file" in refusal(Common(profile="x"))[1]


def test_without_a_home_there_is_no_profile_but_the_environment_serves(nobody, monkeypatch):
    monkeypatch.setattr(profiles.Path, "home", no_home)
    monkeypatch.setenv("STRONGROOM_TOKEN", "srt_e")
    assert resolve(Common()).token() == "srt_e"
    assert "set HOME" in refusal(Common(profile="x"))[1]


def no_home():
    raise RuntimeError("Could not determine home directory.")


def test_relative_configuration_directory_is_ignored(nobody, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert profiles.path() == nobody / ".config" / "strongroom" / "profiles.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/etc/xdg")
    assert str(profiles.path()) == "/etc/xdg/strongroom/profiles.toml"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "kms.example",
        "ftp://kms.example",
        "https://",
        "https://kms.example/?a=b",
        "https://kms.example/#a",
        "https://kms.example:99999",
        "https://kms.example:7600 ",
        "https://kms.exämple",
        "https://a\nb",
        "https://[::1",
    ],
)
def test_what_is_no_url_is_refused(nobody, url):
    if url:  # an empty one counts as not given
        assert refusal(Common(url=url))[0] == 2


def test_password_in_a_url_is_refused_and_not_repeated(nobody):
    for scheme in ("https", "ftp"):
        code, said = refusal(Common(url=f"{scheme}://user:hunter2@kms.example"))
        assert code == 2
        assert "hunter2" not in said


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "[::1]", "localhost"])
def test_cleartext_is_for_this_machine(nobody, host):
    assert resolve(Common(url=f"http://{host}:7600/")).url == f"http://{host}:7600"


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "kms.example", "localhost.example", "127.0.0.1.example"]
)
def test_cleartext_to_another_machine_is_refused_unless_somebody_says_so(nobody, monkeypatch, host):
    code, said = refusal(Common(url=f"http://{host}"))
    assert code == 2
    assert "STRONGROOM_UNSAFE_CLEARTEXT=1" in said
    monkeypatch.setenv("STRONGROOM_UNSAFE_CLEARTEXT", "yes")
    assert refusal(Common(url=f"http://{host}"))[0] == 2
    monkeypatch.setenv("STRONGROOM_UNSAFE_CLEARTEXT", "1")
    assert resolve(Common(url=f"http://{host}")).unsafe_cleartext


@pytest.mark.parametrize("name", [TOKEN, "A B", "1A", "A;B", "$A", ""])
def test_what_is_no_variable_is_refused_and_a_token_not_repeated(nobody, name):
    code, said = refusal(Common(token_from=name))
    assert code == 2
    assert TOKEN not in said


@pytest.mark.parametrize("token", ["srt_a b", "srt_a\n", "srt_ä", "srt_\x1b[0m"])
def test_what_cannot_be_in_a_header_is_no_token(nobody, monkeypatch, token):
    monkeypatch.setenv("STRONGROOM_TOKEN", token)
    code, said = refusal()
    assert code == 3
    assert token not in said


def test_missing_ca_file_is_said(nobody, tmp_path):
    assert "There is no CA file" in refusal(Common(ca_file=str(tmp_path / "none")))[1]


def test_ca_file_without_a_certificate_is_said(cli, tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    result = cli("whoami", "--url", "https://127.0.0.1:1", "--ca-file", str(file))
    assert result.code == 2
    assert "no certificate can be read from it" in result.err
