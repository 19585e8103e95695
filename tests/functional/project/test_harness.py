"""The test harness itself: what the other functional tests take for granted."""

from __future__ import annotations

import socket

from saltk8s import __version__
from tests.support.salt import changed, failed


def test_a_loaded_minion_has_our_modules_and_only_its_own_paths(loaders, tmp_path):
    minion = loaders(pillar={"greeting": "bonjour"}, minion_id="k8s-w1")
    assert minion.pillar["greeting"] == "bonjour"
    assert "rke.version" in minion.modules
    paths = [value for value in minion.opts.values() if isinstance(value, str) and value.startswith(("/var", "/etc"))]
    assert paths == [], "a test minion must not know a path of the system"


def test_a_state_and_an_sls_run_in_process(loaders, tmp_path):
    (tmp_path / "roots").mkdir()
    target = tmp_path / "file"
    text = f"write:\n  file.managed:\n    - name: {target}\n    - contents: {{{{ pillar['text'] }}}}\n"
    (tmp_path / "roots" / "one.sls").write_text(text)
    minion = loaders(pillar={"text": "hello"}, file_roots=[tmp_path / "roots"])
    assert minion.apply("one", test=True)["write"]["result"] is None
    assert not target.exists()
    assert list(changed(minion.apply("one"))) == ["write"]
    again = minion.apply("one")
    assert (failed(again), changed(again), target.read_text()) == ({}, {}, "hello\n")
    single = minion.state("file.absent", str(target))
    assert single["result"] is True and single["changes"] and not target.exists()


def test_the_real_minion_runs_and_listens_on_loopback_only(salt_master, salt_minion, salt_call_cli, event_listener):
    assert salt_call_cli.run("test.ping").data is True
    answer = salt_call_cli.run("sys.list_functions", "rke")
    assert "rke.version" in answer.data, answer
    assert event_listener.host == "127.0.0.1"
    address = socket.gethostbyname(socket.gethostname())
    if not address.startswith("127."):
        for port in (salt_master.config["ret_port"], salt_master.config["publish_port"], event_listener.port):
            with socket.socket() as probe:
                probe.settimeout(2)
                assert probe.connect_ex((address, port)) != 0, f"port {port} answers on {address}"


def test_pillar_of_the_real_minion(minion_pillar, salt_call_cli):
    minion_pillar({"greeting": "bonjour"})
    assert salt_call_cli.run("pillar.raw", "greeting").data == "bonjour"


def test_the_programs_are_there(binaries):
    assert {"rke", "kubectl", "kube-apiserver", "etcd"} <= set(binaries)
    assert all(path.exists() for path in binaries.values())
    assert __version__
