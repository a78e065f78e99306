"""A Secret holds a reference; the value is looked up late, in the process that uses it."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longshore import hookimpl
from longshore.errors import ConfigurationError, LongshoreError, SecretError
from longshore.plugins import host
from longshore.secrets import Secret, has_secrets, isolated, redact, register_scheme

VALUE = "s3cr3t-horse-battery"


@pytest.fixture(autouse=True)
def own_redaction() -> Iterator[None]:
    with isolated():
        yield


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Secret:
    monkeypatch.setenv("LONGSHORE_TEST_TOKEN", VALUE)
    return Secret("env:LONGSHORE_TEST_TOKEN")


def test_a_secret_gives_the_value_of_its_variable(token: Secret) -> None:
    assert token.get() == VALUE


def test_a_value_is_masked_from_the_moment_it_is_resolved(token: Secret) -> None:
    assert not has_secrets()
    assert redact(f"token={VALUE}") == f"token={VALUE}"
    token.get()
    assert has_secrets()
    assert redact(f"token={VALUE}") == "token=***"


def test_a_secret_follows_a_value_that_changes(token: Secret, monkeypatch: pytest.MonkeyPatch) -> None:
    token.get()
    monkeypatch.setenv("LONGSHORE_TEST_TOKEN", "rotated-horse")
    assert token.get() == "rotated-horse"
    assert redact(f"{VALUE} rotated-horse") == "*** ***"


def test_every_way_to_show_a_secret_shows_its_reference_alone(token: Secret) -> None:
    token.get()
    shown = "Secret('env:LONGSHORE_TEST_TOKEN')"
    assert [repr(token), str(token), f"{token}", f"{token!r:s}", "%s" % token] == [shown] * 5  # noqa: UP031
    assert f"{token:>40}" == shown.rjust(40)
    assert repr([token]) == f"[{shown}]"


def test_a_pickled_secret_holds_its_reference_and_not_its_value(token: Secret) -> None:
    token.get()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps(token, protocol)
        assert VALUE.encode() not in data
        assert pickle.loads(data) == token
    assert copy.deepcopy(token) == token


def test_secrets_of_one_reference_are_equal_and_hash_alike() -> None:
    assert len({Secret("env:A"), Secret("env:A"), Secret("env:B")}) == 2


def test_a_secret_cannot_be_changed(token: Secret) -> None:
    with pytest.raises(AttributeError):
        token.reference = "env:OTHER"  # type: ignore[misc]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_is_read_without_the_line_end_at_its_end(tmp_path: Path, end: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(f"one\n  {VALUE} ü{end}".encode())
    assert Secret(f"file:{path}").get() == f"one\n  {VALUE} ü"


def test_only_one_line_end_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{VALUE}\n\n")
    assert Secret(f"file:{tmp_path / 'token'}").get() == f"{VALUE}\n"


def test_a_file_may_be_named_from_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "token").write_text(VALUE)
    assert Secret("file:~/token").get() == VALUE


@pytest.mark.parametrize(
    "reference",
    ["", VALUE, "env:", "file:", ":NAME", "env:WITH SPACE", "env:A=B", "ENV:NAME", "xoxb-1:2 "[:6]],
)
def test_a_text_that_is_no_reference_is_refused_and_not_shown(reference: str) -> None:
    with pytest.raises(SecretError, match=r'write Secret\("env:NAME"\) or Secret\("file:/run') as caught:
        Secret(reference)
    assert VALUE not in str(caught.value)
    assert f"{len(reference)} characters" in str(caught.value)


def test_a_reference_that_is_no_text_is_refused_by_type() -> None:
    with pytest.raises(SecretError, match="cannot use a bytes as a secret's reference"):
        Secret(b"env:NAME")  # type: ignore[arg-type]


def test_a_variable_that_is_not_set_is_an_error_that_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LONGSHORE_TEST_TOKEN", raising=False)
    with pytest.raises(SecretError, match=r"is not set; run: export LONGSHORE_TEST_TOKEN=\.\.\."):
        Secret("env:LONGSHORE_TEST_TOKEN").get()


def test_an_empty_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHORE_TEST_TOKEN", "")
    with pytest.raises(SecretError, match="the variable is empty; run: export LONGSHORE_TEST_TOKEN="):
        Secret("env:LONGSHORE_TEST_TOKEN").get()


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(
        SecretError, match=f"Secret\\('file:{tmp_path}/token'\\): there is no such file; create it"
    ):
        Secret(f"file:{tmp_path}/token").get()


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (b"", "it is empty; write the value into it"),
        (b"\n", "it is empty"),
        (b"horse-\xff\xfe-battery", "it is not UTF-8 text; store it as text"),
        (b"x" * ((1 << 20) + 1), "it is larger than 1 MiB; name a file"),
    ],
)
def test_a_file_that_holds_no_value_is_an_error(tmp_path: Path, content: bytes, seen: str) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(SecretError, match=seen) as caught:
        Secret(f"file:{tmp_path / 'token'}").get()
    assert "horse" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_directory_in_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="Is a directory; name a file that holds the value alone"):
        Secret(f"file:{tmp_path}").get()


def test_an_unreadable_file_is_an_error_that_says_how_to_look(tmp_path: Path) -> None:
    """In a process without root's right to read everything."""
    path = tmp_path / "token"
    path.write_text(VALUE)
    tmp_path.chmod(0o755)
    path.chmod(0)
    script = (
        "import os, sys\n"
        "from longshore.secrets import Secret\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: Secret('file:' + sys.argv[1]).get()\n"
        "except LookupError as error: print(type(error).__name__, error)\n"
    )
    for parent in [path.parent, *path.parent.parents][:3]:
        parent.chmod(parent.stat().st_mode | 0o011)
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(
        f"SecretError cannot resolve Secret('file:{path}'): this user may not read it"
    )
    assert f"run: ls -l {path}" in done.stdout


def test_a_registered_scheme_resolves_the_rest_of_the_reference() -> None:
    register_scheme("reversed-test", lambda rest: rest[::-1])
    assert Secret("reversed-test:kv/horse:battery").get() == "yrettab:esroh/vk"
    assert redact("yrettab:esroh/vk!") == "***!"


def test_a_scheme_is_registered_once() -> None:
    register_scheme("once-test", str.upper)
    register_scheme("once-test", str.upper)
    with pytest.raises(ConfigurationError, match="'once-test': it has a resolver; choose another name"):
        register_scheme("once-test", str.lower)
    with pytest.raises(ConfigurationError, match="'env': it has a resolver"):
        register_scheme("env", str.lower)


@pytest.mark.parametrize("scheme", ["", "Vault", "a b", "a:b", "1password"])
def test_a_scheme_is_one_lower_case_word(scheme: str) -> None:
    with pytest.raises(ConfigurationError, match="it is no lower-case word; use letters"):
        register_scheme(scheme, str.lower)


class Vault:
    """A plugin with one scheme, whose paths say how it fails."""

    @hookimpl
    def longshore_secrets(self) -> dict[str, Callable[[str], str]]:
        return {"vault": self.read}

    def read(self, path: str) -> str:
        if path == "sealed":
            raise ConnectionError(f"the vault is sealed for {VALUE}")
        if path == "denied":
            raise SecretError("cannot read 'denied': the policy says no; ask the owner")
        return f"value of {path}"


@pytest.fixture
def vault() -> Iterator[None]:
    plugin = Vault()
    host().register(plugin, "vault-test")
    yield
    host().unregister(plugin)


@pytest.mark.usefixtures("vault")
def test_a_plugin_resolves_its_scheme() -> None:
    assert Secret("vault:kv/slack#token").get() == "value of kv/slack#token"
    assert redact("the value of kv/slack#token.") == "the ***."


@pytest.mark.usefixtures("vault")
def test_an_error_of_a_plugin_says_which_secret_and_is_masked(token: Secret) -> None:
    token.get()
    with pytest.raises(
        SecretError, match=r"Secret\('vault:sealed'\): ConnectionError: .* for \*\*\*; run: longshore"
    ):
        Secret("vault:sealed").get()
    with pytest.raises(SecretError, match=r"^cannot read 'denied': the policy says no; ask the owner$"):
        Secret("vault:denied").get()


def test_a_resolver_that_returns_no_text_is_named() -> None:
    register_scheme("number-test", lambda _: 7)  # type: ignore[arg-type, return-value]
    with pytest.raises(
        SecretError, match="the resolver of 'number-test' returned a int; it has to return a str"
    ):
        Secret("number-test:x").get()


def test_an_unknown_scheme_is_an_error_that_lists_the_known_and_hides_the_rest() -> None:
    with pytest.raises(SecretError, match=r"'nosuch': no plugin offers it \(known: .*env, file") as caught:
        Secret(f"nosuch:{VALUE}").get()
    assert VALUE not in str(caught.value)


def test_a_secret_error_is_a_lookup_error_that_survives_pickling() -> None:
    with pytest.raises(SecretError) as caught:
        Secret("env:LONGSHORE_TEST_NOT_SET").get()
    copied = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(copied, LookupError | LongshoreError)
    assert str(copied) == str(caught.value)


def test_a_short_value_is_given_but_not_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHORE_TEST_TOKEN", "abc")
    assert Secret("env:LONGSHORE_TEST_TOKEN").get() == "abc"
    assert not has_secrets()
