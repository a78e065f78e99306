"""`DockerRun` on a real engine: how containers end, what they are given, what they hand back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from docker_engine import IMAGE, DockerEngine, new_key

from longshore import (
    AttemptTimedOut,
    ConfigurationError,
    JobFailed,
    OutputsError,
    Secret,
    SecretError,
    Success,
    TaskSkipped,
    flow,
)
from longshore.testing import Canary, raises_saying
from longshore_docker import (
    DockerConnection,
    DockerError,
    DockerInputError,
    DockerMount,
    DockerResult,
    DockerRun,
    DockerUnreachableError,
)

Make = Callable[..., DockerRun]


@pytest.fixture
def run(docker: DockerEngine) -> Make:
    """Make a task for the engine: `run("script")`, or with fields."""

    def make(script: str | None = None, **fields: Any) -> DockerRun:
        command = {} if script is None else {"command": ("sh", "-c", script)}
        connection = DockerConnection(base_url=docker.url)
        return DockerRun(**{"image": IMAGE, "connection": connection, **command, **fields})

    return make


def failure(task: DockerRun, **inputs: Any) -> JobFailed:
    with pytest.raises(JobFailed) as caught:
        task(**inputs)
    return caught.value


def test_a_container_returns_its_outputs_and_how_it_ran(run: Make, docker: DockerEngine) -> None:
    result = run("echo rows=3 >> $LONGSHORE_OUTPUTS; echo '{\"ok\": true}' >> $LONGSHORE_OUTPUTS")()
    assert isinstance(result, DockerResult)
    assert (result["rows"], result["ok"], "rows" in result, "x" in result) == ("3", True, True, False)
    assert (result.exit_code, result.image, result.out_of_memory) == (0, IMAGE, False)
    assert result.image_id == docker.api.inspect_image(IMAGE)["Id"]
    assert 0 <= result.duration < 30
    assert result.started[:4] == result.finished[:4] >= "2026"
    assert docker.containers() == []


def test_a_container_that_failed_is_removed_as_well(run: Make, docker: DockerEngine) -> None:
    failure(run("exit 3"))
    assert docker.containers() == []


def test_a_container_is_a_step_of_a_flow_and_its_outputs_are_selected(run: Make) -> None:
    @flow
    def counted() -> None:
        first = run("echo rows=3 >> $LONGSHORE_OUTPUTS", name="first")()
        run('echo "got=$1" >> $LONGSHORE_OUTPUTS', name="second")(("sh", first["rows"]))

    done = counted.run()
    assert isinstance(done.state, Success), done.states
    assert done.results["second"]["got"] == "3"


def test_exit_codes_signals_memory_and_programs_that_are_not_there_are_told_apart(run: Make) -> None:
    plain = failure(run("echo rows=7 >> $LONGSHORE_OUTPUTS; echo one; echo two; exit 3"))
    assert (plain.reason, plain.exit_code, plain.signal, plain.retryable) == ("exit code", 3, None, True)
    assert plain.log_tail == ("one", "two")
    assert plain.outputs == {"rows": "7"}
    assert f"of {IMAGE!r} exited with 3 after" in str(plain)
    assert str(plain).endswith("s; last line: 'two'")
    killed = failure(run("kill -9 $$"))
    assert (killed.reason, killed.exit_code, killed.signal) == ("exit code", 137, 9)
    assert "it was ended by SIGKILL" in str(killed)
    missing = failure(run(command=("nosuch",)))
    assert (missing.exit_code, missing.retryable) == (127, False)
    assert "a program was not found" in str(missing)
    without_init = failure(run(command=("nosuch",), init=False))
    assert (without_init.exit_code, without_init.retryable) == (127, False)
    assert "cannot run 'nosuch': exec: \"nosuch\": executable file not found" in str(without_init)


def test_a_container_over_its_memory_fails_for_that_reason(run: Make) -> None:
    error = failure(run("x=$(head -c 60000000 /dev/zero | tr '\\0' a); echo $x | wc -c", memory="8m"))
    assert (error.reason, error.retryable) == ("out of memory", False)
    assert "it had 8 MiB; give it more: memory=..." in str(error)


def test_exit_codes_mean_success_skip_and_retry_as_the_fields_say(run: Make) -> None:
    assert run("exit 4", success_codes=(0, 4))().exit_code == 4
    with raises_saying(TaskSkipped, "exited with 5, which means skip"):
        run("exit 5", skip_codes=(5,))()
    assert failure(run("exit 6", retry_codes=(7,))).retryable is False
    assert failure(run("exit 7", retry_codes=(7,))).retryable is True


def test_an_image_that_is_not_there_is_named(run: Make, docker: DockerEngine) -> None:
    error = failure(run("true", image="longshore-none:1", pull="never"))
    assert error.reason == "image not found"
    assert "the engine does not have it; run: docker pull longshore-none:1" in str(error)
    with raises_saying(DockerInputError, "'../containers/x' is no name of an image"):
        run("true", image="../containers/x")


def test_what_a_container_cannot_have_says_what_to_do(run: Make, tmp_path: Path) -> None:
    missing = tmp_path / "not there"
    with raises_saying(DockerInputError, "it does not exist; run: mkdir -p '", "/not there'"):
        run("true", mounts=(DockerMount(missing, "/data"),))()
    assert not missing.exists()
    error = failure(run("true", network="nonet"))
    assert error.reason == "not found"
    assert error.retryable is False
    assert "network nonet not found'; run: docker network create nonet" in str(error)
    assert "NVIDIA Container Toolkit" in str(failure(run("true", gpus="all")))
    assert "unable to find user zork" in str(failure(run("true", user="zork")))
    with raises_saying(DockerError, "rootfs is marked read-only", "leave ReadonlyRootfs out"):
        run("true", host_config={"ReadonlyRootfs": True})()
    with raises_saying(DockerInputError, "host_config has 'Memory', which a field"):
        run("true", memory="8m", host_config={"Memory": 1})()


def test_a_name_or_a_port_that_is_taken_is_told(run: Make, docker: DockerEngine) -> None:
    ports = {"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "0"}]}}
    first = run("sleep 30", container_name="longshore-taken", host_config=ports)
    handle = first.submit(new_key())
    port = docker.api.port(handle["container"], 80)[0]["HostPort"]
    with raises_saying(DockerError, "another one has that name; run: docker rm longshore-taken"):
        run("true", container_name="longshore-taken").submit(new_key())
    ports["PortBindings"]["80/tcp"][0]["HostPort"] = port
    assert "give another host port" in str(failure(run("true", host_config=ports)))


def test_an_engine_that_is_not_there_says_how_to_start_it(tmp_path: Path) -> None:
    pytest.importorskip("docker", reason="needs longshore[docker]")
    nowhere = DockerConnection(base_url=f"unix://{tmp_path}/no.sock")
    with raises_saying(DockerUnreachableError, "has no socket there; start it: sudo systemctl start docker"):
        DockerRun(IMAGE, connection=nowhere).submit(new_key())
    with raises_saying(DockerUnreachableError, "refuses connections"):
        DockerRun(IMAGE, connection=DockerConnection(base_url="tcp://127.0.0.1:9")).find("x")


def test_secrets_are_files_of_the_user_and_stand_in_no_description(
    run: Make, docker: DockerEngine, canary: Canary
) -> None:
    script = "id -u; ls -l /run/secrets/token; wc -c < /run/secrets/token; cat /run/secrets/token"
    task = run(script, secrets={"token": canary.secret}, user="ada", keep="always")
    key = new_key()
    handle = task.submit(key)
    _until_ended(task, handle)
    lines = [line.text for line in task.logs(handle, None)]
    assert lines[0] == "1000"
    assert lines[1].startswith("-r--------    1 ada")
    assert lines[2:] == [str(len(canary.value)), canary.value]
    described = json.dumps(docker.api.inspect_container(handle["container"]))
    assert canary.value not in described
    task.discard(handle)
    [kept] = docker.containers(key)
    archive = b"".join(docker.api.get_archive(kept["Id"], "/run/secrets/token")[0])
    assert canary.value.encode() not in archive


def test_a_secret_has_no_place_in_a_command_line(run: Make, canary: Canary) -> None:
    canary.secret.get()
    with raises_saying(DockerInputError, "word 2 of args holds a secret", "give it by secrets="):
        run("true")(("x", f"--password={canary.value}"))
    with raises_saying(DockerInputError, "is a secret"):
        run("true")((canary.secret,))
    result = run(
        'test -n "$T" && echo length=${#T} >> $LONGSHORE_OUTPUTS', environment={"T": canary.secret}
    )()
    assert result["length"] == str(len(canary.value))


def test_a_secret_is_looked_up_where_the_container_is_made(run: Make, docker: DockerEngine) -> None:
    missing = Secret("env:LONGSHORE_NOT_THERE")
    task, key = run("true", environment={"T": missing}, secrets={"t": missing}), new_key()
    with raises_saying(SecretError, "LONGSHORE_NOT_THERE"):
        task.submit(key)
    with raises_saying(SecretError, "LONGSHORE_NOT_THERE"):
        task.replace(environment={}).submit(key)
    assert docker.containers(key) == []


NAUGHTY = [
    "", " ", "--privileged", "-v/:/host", "$(touch /pwned)", "`id`", "; rm -rf /", "'", '"', "\\", "a\nb",
    "\r", "\t", "*", "~", "{{x}}", "%s", "\x01\x1b[31m", "\u202e\ufeff", "日本語", "😀", "=a=b",
    "@file", "null",
]  # fmt: skip


@pytest.mark.gate("P10")
def test_naughty_strings_arrive_byte_for_byte(run: Make) -> None:
    script = r"""
    for each; do printf '%s' "$each" | od -An -v -tx1 | tr -d ' \n'; echo; done
    printf '%s' "$V" | od -An -v -tx1 | tr -d ' \n'; echo; pwd
    """
    together = "|".join(NAUGHTY)
    task = run(script, environment={"V": "over"}, labels={text or "empty": text for text in NAUGHTY})
    handle = task.submit(new_key(), ("sh", *NAUGHTY), env={"V": together, "naughty $(id)": "x"})
    _until_ended(task, handle)
    lines = [line.text for line in task.logs(handle, None)]
    assert [bytes.fromhex(line).decode() for line in lines[:-1]] == [*NAUGHTY, together]
    assert lines[-1] == "/"


@pytest.mark.gate("P10")
@pytest.mark.parametrize("name", ["args", "env", "environment", "user", "network", "labels", "host"])
def test_a_nul_is_refused_in_every_parameter(run: Make, name: str) -> None:
    bad, key = "a\0b", new_key()
    with raises_saying(DockerInputError, "holds a NUL"):
        if name in ("args", "env"):
            run("true").submit(key, **{name: {"x": bad} if name == "env" else (bad,)})
        else:
            value = {"labels": {"x": bad}, "environment": {"x": bad}, "host": {"x": bad}}.get(name, bad)
            run("true", **{"extra_hosts" if name == "host" else name: value}).submit(key)


def test_a_command_as_text_is_split_into_words_and_no_shell_reads_it(run: Make) -> None:
    task = run(command="printf '[%s]' 'a b' c\\ d $HOME *")
    handle = task.submit(new_key(), (True, 3))
    _until_ended(task, handle)
    assert [line.text for line in task.logs(handle, None)] == ["[a b][c d][$HOME][*][true][3]"]
    with raises_saying(DockerInputError, 'cannot split command "echo \'open": No closing quotation'):
        run(command="echo 'open")


def test_variables_of_the_call_count_over_those_of_the_task_and_of_the_image(run: Make) -> None:
    script = """
    echo "a=$A" >> $LONGSHORE_OUTPUTS; echo "b=$B" >> $LONGSHORE_OUTPUTS
    env | grep -q ^PATH= || echo path=none >> $LONGSHORE_OUTPUTS
    """
    result = run(script, environment={"A": False, "B": 1.5})(env={"A": True})
    assert result.outputs == {"a": "true", "b": "1.5"}


def test_folders_volumes_and_memory_are_mounted(run: Make, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("seen")
    mounts = (
        DockerMount(tmp_path, "/in", read_only=True),
        DockerMount("", "/volume", kind="volume"),
        DockerMount("", "/memory", kind="tmpfs"),
    )
    script = """
    echo in=$(cat /in/in) >> $LONGSHORE_OUTPUTS; touch /in/x 2>/dev/null && exit 9
    touch /volume/x /memory/x
    echo kind=$(grep ' /memory ' /proc/mounts | cut -d' ' -f3) >> $LONGSHORE_OUTPUTS
    """
    assert run(script, mounts=mounts)().outputs == {"in": "seen", "kind": "tmpfs"}
    with raises_saying(ConfigurationError, "give the target as an absolute path"):
        DockerMount(tmp_path, "in")


def test_limits_hosts_user_and_folder_reach_the_container(run: Make, docker: DockerEngine) -> None:
    task = run(
        "cat /etc/hosts; pwd; id -u",
        memory=32 << 20,
        cpus=0.5,
        extra_hosts={"db": "10.1.2.3"},
        working_dir="/tmp",
        user=1000,
        labels={"team": "data"},
        network="none",
        host_config={"ShmSize": 1 << 20},
    )
    key = new_key()
    handle = task.submit(key)
    _until_ended(task, handle)
    lines = [line.text for line in task.logs(handle, None)]
    assert "10.1.2.3\tdb" in lines
    assert lines[-2:] == ["/tmp", "1000"]
    about = docker.api.inspect_container(handle["container"])
    host = about["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["ShmSize"]) == (32 << 20, 500_000_000, 1 << 20)
    assert (host["NetworkMode"], host["Init"]) == ("none", True)
    labels = about["Config"]["Labels"]
    assert (labels["longshore.key"], labels["team"], labels["longshore.step"]) == (key, "data", "DockerRun")


def test_outputs_are_read_as_data_from_a_plain_file_only(run: Make) -> None:
    links = "rm $LONGSHORE_OUTPUTS; ln -s /etc/passwd $LONGSHORE_OUTPUTS"
    for script in (
        links,
        "rm $LONGSHORE_OUTPUTS; mkdir $LONGSHORE_OUTPUTS",
        f"{links.partition(';')[0]}; mkfifo $LONGSHORE_OUTPUTS",
    ):
        with raises_saying(OutputsError, "it is no longer a plain file"):
            run(script)()
    with raises_saying(OutputsError, "more than 1048576 bytes"):
        run("head -c 5000000 /dev/zero > $LONGSHORE_OUTPUTS")()
    with raises_saying(OutputsError, "cannot read line 1", "'nonsense'"):
        run("echo nonsense >> $LONGSHORE_OUTPUTS")()
    assert run("rm $LONGSHORE_OUTPUTS")().outputs == {}


def test_a_timed_out_container_is_stopped_with_its_grace(run: Make, docker: DockerEngine) -> None:
    began = time.monotonic()
    with pytest.raises(AttemptTimedOut):
        run("trap 'echo got it; exit 0' TERM; while :; do sleep 0.1; done", timeout=1.0)()
    with pytest.raises(AttemptTimedOut):
        run("trap '' TERM; while :; do sleep 0.1; done", timeout=1.0, stop_timeout=1)()
    assert time.monotonic() - began < 10
    assert [c["State"] for c in docker.containers() if c["State"] == "running"] == []


def test_a_done_container_is_kept_when_it_is_asked_to(run: Make, docker: DockerEngine) -> None:
    for keep, script, left in [
        ("never", "true", 0),
        ("failed", "true", 0),
        ("always", "true", 1),
        ("failed", "false", 1),
    ]:
        task, key = run(script, keep=keep), new_key()
        handle = task.submit(key)
        _until_ended(task, handle)
        task.discard(handle)
        task.discard(handle)
        assert len(docker.containers(key)) == left, (keep, script)


def _until_ended(task: DockerRun, handle: dict[str, str]) -> Any:
    from longshore import JobFinished

    end = time.monotonic() + 30
    while not isinstance(status := task.poll(handle), JobFinished):
        assert time.monotonic() < end
        time.sleep(0.02)
    return status
