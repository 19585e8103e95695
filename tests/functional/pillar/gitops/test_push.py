"""From a push to what runs: a git server, a master as docs/operations/gitops configures it, a minion's schedule.

What a push's own check refuses is in test_pre_receive.py; here everything gets in.

The minion is a node by its pillar; it applies a state of the site's in the place of `k8s`.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request

import pytest
import yaml
from support import gitserver, packaging
from support.gitserver import until
from tests.support import pillars

WORKER, SECRET = "k8s-w1", "a long random text"
EVERY_S = 10
PATIENCE_S = 900  # the cores may be compiling something else
SHIPPED = yaml.safe_load((packaging.ROOT / "docs/operations/gitops/saltk8s-gitops.conf").read_text())
SITE = """
what is live:
  file.managed:
    - name: {{ opts.saltk8s_root }}/live
    - contents_pillar: site
{%- if pillar.get('hold') %}
somebody waits:
  cmd.run:
    - name: touch held; while [ ! -e go ]; do sleep 0.2; done
    - cwd: {{ opts.saltk8s_root }}
{%- endif %}
"""


def k8s(full: bool = False, **over) -> dict:
    gitops = {"enabled": True, "every_s": EVERY_S, "states": ["k8s.gitops", "site"], "drift": {"every": "1d"}}
    return {"k8s": pillars.merge(pillars.full() if full else pillars.public(), {"gitops": gitops} | over)}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The git server with the pack's repository and the pillar's: (URL, pillar, pack)."""
    folder = tmp_path_factory.mktemp("git")
    with gitserver.served(folder) as url:
        pack = packaging.copy(folder / "work-saltk8s")
        (pack / "salt" / "site.sls").write_text(SITE)
        formulas = gitserver.Repository(folder, "saltk8s", url, pack)
        work = folder / "work-pillar"
        work.mkdir()
        admin = pillars.full()["cluster"]["admin"]
        (work / "top.sls").write_text(f"base:\n  '*': [k8s, site]\n  {admin}: [secrets]\n")
        for name, content in {"k8s": k8s(), "secrets": k8s(full=True), "site": {"site": "one"}}.items():
            (work / f"{name}.sls").write_text("#!yaml\n" + yaml.safe_dump(content, sort_keys=False))
        pillar = gitserver.Repository(folder, "pillar", url, work)
        yield url, pillar, formulas


@pytest.fixture(scope="module")
def master(salt_factories, server):
    """A master with the shipped configuration; the addresses are the test's."""
    text = json.dumps(SHIPPED).replace("https://git.example", server[0])
    over = json.loads(text) | {"auto_accept": True, "saltk8s_webhook_secret": SECRET, "fileserver_backend": ["gitfs"]}
    over["rest_cherrypy"] = {"port": gitserver.free_port(), "disable_ssl": True, "webhook_disable_auth": True}
    over["rest_cherrypy"]["host"] = "127.0.0.1"
    factory = salt_factories.salt_master_daemon("saltk8s-push", overrides=over, start_timeout=PATIENCE_S)
    with factory.started():
        yield factory


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def minion(master, root):
    over = {"enable_fqdns_grains": False, "enable_gpu_grains": False, "saltk8s_root": str(root)}
    factory = master.salt_minion_daemon(WORKER, overrides=over, start_timeout=PATIENCE_S)
    with factory.started():
        assert factory.salt_call_cli(timeout=PATIENCE_S).run("saltutil.sync_all").returncode == 0
        yield factory


@pytest.fixture(scope="module")
def cli(minion):
    return minion.salt_call_cli(timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def run(master):
    return master.salt_run_cli(timeout=PATIENCE_S)


def _by_hand(cli):
    """The states' answers, once no run of the reactor or the schedule is in progress: Salt refuses one beside it."""

    def answer():
        found = cli.run("state.apply", "k8s.gitops").data
        assert isinstance(found, dict) or "is running as PID" in str(found), found
        return found if isinstance(found, dict) else None

    return until(answer, "no other run is in progress", PATIENCE_S)


@pytest.fixture(scope="module")
def live(cli, root):
    """What the site's state wrote, once the minion's own schedule has applied the first pillar."""

    def read() -> str:
        path = root / "live"
        return path.read_text().strip() if path.exists() else ""

    until(lambda: cli.run("k8s_config.validate").data["valid"], "the master fetched the pillar", PATIENCE_S, 1)
    first, again = _by_hand(cli), _by_hand(cli)
    assert {state["result"] for state in first.values()} == {True}
    assert [state["changes"] for state in again.values()] == [{}, {}]
    until(lambda: read() == "one", "the schedule applied the pillar", PATIENCE_S)
    return read


def measured(way: str, pillar, value: str, live, call=lambda: None) -> None:
    pillar.edit(site_sls={"site": value})
    begin = time.monotonic()
    call()
    until(lambda: live() == value, way, PATIENCE_S)
    print(f"\nfrom push to live, {way}: {time.monotonic() - begin:.1f} s")


def test_the_schedule_applies_what_was_pushed(server, live, capsys):
    with capsys.disabled():
        measured("by the schedule", server[1], "two", live)


@pytest.fixture(scope="module")
def hook(master):
    """Call the webhook of salt-api as GitLab does."""
    port = master.config["rest_cherrypy"]["port"]

    def call(secret: str) -> None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/hook/saltk8s/push", json.dumps({"ref": "x"}).encode()
        )
        request.add_header("Content-Type", "application/json")
        request.add_header("X-Gitlab-Token", secret)
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.load(answer) == {"success": True}

    api = master.salt_api_daemon(start_timeout=PATIENCE_S)
    with api.started():
        yield call


def test_a_webhook_applies_it_at_once(server, live, cli, hook, capsys):
    assert cli.run("schedule.disable_job", "saltk8s-apply").data["result"]
    hook("another text")
    with capsys.disabled():
        measured("by webhook", server[1], "three", live, lambda: hook(SECRET))
    until(lambda: cli.run("schedule.is_enabled", "saltk8s-apply").data, "the run enabled the job again")


def test_formulas_are_applied_whatever_the_pillar(server, live, root, hook):
    more = SITE + "\na formula:\n  file.managed:\n    - name: {{ opts.saltk8s_root }}/formula\n"
    server[2].edit(**{"salt/site_sls": more})
    hook(SECRET)
    until((root / "formula").exists, "what gitfs fetched is applied", PATIENCE_S)


def test_a_minion_that_was_away_applies_the_formulas_when_it_is_back(server, live, minion, root, hook):
    assert minion.terminate().returncode is not None
    more = SITE + "\nanother formula:\n  file.managed:\n    - name: {{ opts.saltk8s_root }}/another\n"
    server[2].edit(**{"salt/site_sls": more})
    hook(SECRET)
    minion.start()
    until((root / "another").exists, "its schedule applied them", PATIENCE_S)


BAD = {
    "is not valid": {"k8s_sls": k8s(cluster={"nme": "x"})},
    "its pillar has no `k8s`": {"top_sls": "base:\n  'other*': [k8s, site]\n"},
    "could not be rendered": {"k8s_sls": "{% bad %}\n"},
}


def test_a_bad_edit_that_gets_in_changes_nothing(server, live, cli, run):
    pillar, was = server[1], live()

    def arrived(told: str):
        run.run("git_pillar.update")
        answer = cli.run("k8s_gitops.apply", "force=True")
        assert answer.returncode == 0 or live() == was
        return told in str(answer) if told else answer.returncode == 0

    for told, files in BAD.items():
        pillar.edit(site_sls={"site": "never"}, **files)
        until(lambda told=told: arrived(told), told, PATIENCE_S)
        packaging.git("revert", "--no-edit", "HEAD", cwd=pillar.work)
    packaging.git("branch", "-m", "main", "other", cwd=pillar.bare)
    until(lambda: arrived("its pillar has no `k8s`"), "git_pillar's branch is gone", PATIENCE_S)
    packaging.git("branch", "-m", "other", "main", cwd=pillar.bare)
    pillar.push()
    until(lambda: arrived(""), "the revert arrived", PATIENCE_S)
    assert live() == was


def test_state_runs_wait_for_each_other(server, live, cli, root, hook):
    server[1].edit(site_sls={"site": "four", "hold": True})
    hook(SECRET)
    until(lambda: (root / "held").exists(), "the run is at work")
    by_hand = cli.run("state.apply", "k8s.gitops")
    assert by_hand.returncode and "is running as PID" in str(by_hand.data), "Salt knows of it"
    found = {}
    waits = threading.Thread(target=lambda: found.update(cli.run("k8s_gitops.apply", "force=True").data))
    waits.start()
    server[1].edit(site_sls={"site": "five"})
    (root / "go").touch()
    waits.join(PATIENCE_S)
    assert found.get("failure") == 0 or "another run waits already" in found["why"], found  # the schedule's, perhaps
    until(lambda: live() == "five", "what was pushed meanwhile is live")
