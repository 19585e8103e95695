"""Every public function refuses an argument that it does not know, and a flag that is no flag, before it does anything.

All functions of the execution and state modules are called as Salt's loader offers them, in the ways that Salt passes
arguments on: directly, as a job, from a state, by ``module.run``.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
import salt.loader
import salt.minion
import salt.utils.args
from salt.exceptions import SaltInvocationError
from saltk8s.base import arguments
from tests.support import tree
from tests.support.salt import Minion

FILES = {kind: sorted(tree.ROOT.glob(f"salt/_{kind}/*.py")) for kind in ("modules", "states")}
PUBLIC = {
    kind: {
        f"{tree.virtual_name(path)}.{tree.aliases(path).get(one.name, one.name)}": one
        for path in paths
        for one in tree.public_functions(path)
    }
    for kind, paths in FILES.items()
}
FLAGS = {
    kind: [
        (name, arg.arg)
        for name, one in found.items()
        for arg, default in zip(reversed(one.args.args), reversed(one.args.defaults), strict=False)
        if isinstance(default, ast.Constant) and isinstance(default.value, bool)
    ]
    for kind, found in PUBLIC.items()
}

SETS = ("applied", "absent", "ready", "apply", "diff", "delete_set", "wait_ready", "render_manifests", "list_set")


def required(function: ast.FunctionDef) -> list[str]:
    """Texts for the arguments that a function cannot do without."""
    return ["none" for _ in function.args.args[: len(function.args.args) - len(function.args.defaults)]]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> Minion:
    return Minion(tmp_path_factory.mktemp("minion"))


@pytest.fixture(scope="module")
def states(loaded):
    return salt.loader.states(loaded.opts, loaded.modules, loaded.utils, None, context=loaded.context)


def called(function, *args, **kwargs):
    """Call a function; return (its answer or its error, the files of the pack whose code ran)."""
    ran: set[str] = set()

    def seen(frame, event, arg):
        if event == "call" and frame.f_code.co_filename.startswith(str(tree.ROOT / "salt")):
            ran.add(Path(frame.f_code.co_filename).name)

    sys.setprofile(seen)
    try:
        return function(*args, **kwargs), ran
    except Exception as err:  # noqa: BLE001  whatever it is, the caller compares it
        return err, ran
    finally:
        sys.setprofile(None)


def test_there_are_functions():
    assert len(PUBLIC["modules"]) > 60 and len(PUBLIC["states"]) > 15, PUBLIC
    assert {name for _, name in FLAGS["modules"]} >= {"test", "prune", "wait", "force_conflicts", "force"}


@pytest.mark.parametrize("name", PUBLIC["modules"])
def test_an_execution_function_refuses_what_it_does_not_know(loaded, name):
    function, given = loaded.modules[name], required(PUBLIC["modules"][name])
    for unknown in ("Test", "prunne", "no_such_argument"):
        answer, ran = called(function, *given, **{unknown: True})
        assert isinstance(answer, SaltInvocationError) and f"has no argument {unknown!r}" in str(answer), answer
        assert ran == {"arguments.py"}, "something else of the pack ran before"
    # as a job: Salt looks at the signature, and adds what it knows of the job where there is **kwargs
    passed = [*given, {"__kwarg__": True, "Test": True}]
    args, kwargs = salt.minion.load_args_and_kwargs(function, passed, data={"jid": "1", "fun": name})
    assert "__pub_jid" in kwargs and isinstance(called(function, *args, **kwargs)[0], SaltInvocationError)


@pytest.mark.parametrize("name", PUBLIC["states"])
def test_a_state_refuses_what_it_does_not_know(loaded, states, name):
    given = required(PUBLIC["states"][name])
    answer, ran = called(states[name], *given, no_such_argument=True)
    assert answer["result"] is False and answer["changes"] == {} and answer["name"] == given[0]
    assert "has no argument 'no_such_argument', nothing was done" in answer["comment"] and ran == {"arguments.py"}
    more = dict.fromkeys([arg.arg for arg in PUBLIC["states"][name].args.args[1 : len(given)]], "none")
    for test in (True, False):
        compiled = loaded.state(name, "none", test=test, prunne=False, **more)
        assert compiled["result"] is False and "has no argument 'prunne'" in compiled["comment"], compiled


@pytest.mark.parametrize(("name", "flag"), FLAGS["modules"])
def test_a_flag_is_true_or_false(loaded, name, flag):
    for value in ("False", "no", "yes", 1, 0, None, [], "true"):
        answer, ran = called(loaded.modules[name], *required(PUBLIC["modules"][name]), **{flag: value})
        assert isinstance(answer, SaltInvocationError), answer
        assert str(answer) == f"{name}: {flag}: got {value!r}; expected True or False" and ran == {"arguments.py"}


@pytest.mark.parametrize(("name", "flag"), FLAGS["states"])
def test_a_flag_of_a_state_is_true_or_false(states, name, flag):
    for value in ("False", "no", 1):
        answer, ran = called(states[name], *required(PUBLIC["states"][name]), **{flag: value})
        assert answer["result"] is False and f"{flag}: got {value!r}; expected True or False" in answer["comment"]
        assert ran == {"arguments.py"}


def test_the_nearest_name_is_said(loaded):
    for given, close in (({"Test": True}, "test"), ({"timeout": 3}, "timeout_s"), ({"un_protect": []}, "unprotect")):
        with pytest.raises(SaltInvocationError, match=f"did you mean .*{close}"):
            loaded.call("kubectl.delete_set", "metallb", **given)
    with pytest.raises(SaltInvocationError, match="kubectl.diff has no argument 'prunne'.*did you mean prune"):
        loaded.call("kubectl.diff", "metallb", prunne=False)


def test_the_signature_stays_visible(loaded):
    for name, function in PUBLIC["modules"].items():
        shown = salt.utils.args.get_function_argspec(loaded.modules[name])
        own = [arg.arg for arg in function.args.args]
        assert shown.args[: len(own)] == own, name
    shown = loaded.call("sys.argspec", "kubectl.delete_set")["kubectl.delete_set"]
    assert shown["args"][0] == "set_name" and "test" in shown["args"]
    assert "Delete a set" in loaded.call("sys.doc", "kubectl.delete_set")["kubectl.delete_set"]


def test_module_run_refuses(loaded):
    given = {"kubectl.delete_set": [{"set_name": "metallb"}, {"Test": True}]}
    (answer,) = loaded.call("state.single", "module.run", name="delete", test=False, **given).values()
    assert answer["result"] is False and "has no argument 'Test'" in answer["comment"]


@pytest.mark.parametrize(
    ("function", "given", "text"),
    [
        ("kubectl.apply", {"unprotect": 7}, "unprotect: got 7; expected a list of texts"),
        ("kubectl.apply", {"replace": [{"Job": "x"}]}, "replace: got [{'Job': 'x'}]; expected a list of texts"),
        ("kubectl.delete_set", {"timeout_s": "soon"}, "timeout_s: got 'soon'; expected a number of seconds"),
        ("kubectl.delete_set", {"timeout_s": -1}, "timeout_s: got -1; expected a number of seconds"),
        ("kubectl.delete_set", {"timeout_s": True}, "timeout_s: got True; expected a number of seconds"),
        ("kubectl.delete_set", {"kubeconfig": True}, "kubeconfig: got True, which YAML made of it"),
        ("kubectl.apply", {"namespace": 1000.0}, "namespace: got 1000.0, which YAML made of it"),
    ],
)
def test_values_of_another_type_are_refused(loaded, function, given, text):
    answer, ran = called(loaded.modules[function], "metallb", **given)
    assert isinstance(answer, SaltInvocationError) and text in str(answer) and ran == {"arguments.py"}


def parameters(kind):
    """Every parameter of every public function that has a form: (function, parameter, values that it does not take)."""
    for name, one in PUBLIC[kind].items():
        known = [arg.arg for arg in one.args.args]
        for parameter in known:
            form = arguments._form(parameter, known)
            if form in arguments.LISTS:
                yield name, parameter, [True, 5, [1], {"a": "b"}]
            elif form in arguments.TEXTS:
                yield name, parameter, [True, 1.5, ["a"], {"a": "b"}]
            elif form in arguments.OTHERS:
                wrong = [True, 5, 1.5, "a", ["a"], {"a": "b"}]
                yield name, parameter, [value for value in wrong if not isinstance(value, arguments.OTHERS[form][0])]


@pytest.mark.parametrize(("name", "parameter", "wrong"), parameters("modules"))
def test_an_execution_function_refuses_another_type(loaded, name, parameter, wrong):
    for value in wrong:
        given = dict(
            zip([arg.arg for arg in PUBLIC["modules"][name].args.args], required(PUBLIC["modules"][name]), strict=False)
        )
        answer, ran = called(loaded.modules[name], **(given | {parameter: value}))
        assert isinstance(answer, SaltInvocationError) and f"{name}: " in str(answer) and "expected " in str(answer), (
            answer
        )
        assert ran == {"arguments.py"}


@pytest.mark.parametrize(("name", "parameter", "wrong"), parameters("states"))
def test_a_state_refuses_another_type(states, name, parameter, wrong):
    for value in wrong if parameter != "name" else ():
        given = dict(
            zip([arg.arg for arg in PUBLIC["states"][name].args.args], required(PUBLIC["states"][name]), strict=False)
        )
        answer, ran = called(states[name], **(given | {parameter: value}))
        assert answer["result"] is False and answer["changes"] == {}, answer
        assert f"{parameter}: got " in answer["comment"] and ran == {"arguments.py"}, answer


def test_every_parameter_of_sets_has_a_form():
    """Except for those whose values sources.read() and options.names() judge themselves."""
    forms = {*arguments.LISTS, *arguments.TEXTS, *arguments.OTHERS}
    for kind in PUBLIC:
        flags = set(FLAGS[kind])
        lacking = [
            f"{name}: {arg.arg}"
            for name, one in PUBLIC[kind].items()
            if name.startswith("kubectl.") and name.partition(".")[2] in SETS
            for arg in one.args.args
            if arg.arg not in forms and (name, arg.arg) not in flags and not arg.arg.endswith("_s")
        ]
        assert all(one.endswith(": template") for one in lacking), lacking


def listed(replace=None):
    return replace


def test_one_text_is_a_list_of_one():
    """Not of its letters: ``unprotect='Namespace x'`` would name nothing."""
    module = {"__name__": __name__, "listed": listed}
    arguments.guard(module, SaltInvocationError, None)
    assert module["listed"]("Namespace x") == ["Namespace x"] and module["listed"](["a", "b"]) == ["a", "b"]
    assert module["listed"]() is None and module["listed"](replace=None) is None
