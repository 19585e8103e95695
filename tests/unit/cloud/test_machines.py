"""What salt-cloud is believed: it exits with 0 on most errors."""

from __future__ import annotations

import json

import pytest
from saltk8s.base import errors
from saltk8s.cloud import machines

MADE = {"k8s-w3": {"id": "vm-1", "deployed": True}, "k8s-w1": {"Message": "Already running."}}


def test_names_are_in_the_maps_order():
    vm_map = {"lab-control": [{"k8s-cp1": {}}], "lab-worker": [{"k8s-w1": {}}, {"k8s-w2": {"minion": {}}}]}
    assert machines.names(vm_map) == ["k8s-cp1", "k8s-w1", "k8s-w2"]
    assert machines.names({}) == []


@pytest.mark.parametrize("around", ["{}", "[WARNING ] 'k8s-w1' already exists\n{}\nunclosed Minion {{x}}", "{{no\n{}"])
@pytest.mark.parametrize("indent", [None, 4])
def test_the_answer_is_found_between_warnings(around, indent):
    assert machines.answer(around.format(json.dumps(MADE, indent=indent))) == MADE


@pytest.mark.parametrize("output", ["", "[ERROR ] There was a profile error: no such profile", "{cut off"])
def test_no_answer_is_an_error_with_the_programs_words(output):
    with pytest.raises(errors.CommandError, match="gave no answer: ") as caught:
        machines.answer(output)
    assert (output or "it printed nothing") in str(caught.value)


def test_what_exists_is_read_of_every_driver():
    assert machines.existing({"osug": {"vmware": {"a": {"state": "poweredOn"}, "b": {}}}}) == {"a", "b"}
    assert machines.existing({}) == set()


@pytest.mark.parametrize("listed", [{"osug": "Error: login failed"}, {"osug": {"vmware": "login failed"}}])
def test_a_provider_that_cannot_be_asked_is_not_an_empty_one(listed):
    with pytest.raises(errors.CommandError, match="login failed"):
        machines.existing(listed)


def test_a_machine_without_an_accepted_key_is_refused():
    machines.refuse_half_made(["k8s-w1"], ["k8s-w1", "k8s-admin"])
    machines.refuse_half_made([], [])
    with pytest.raises(errors.Refused, match="k8s-w2: the VM exists, but the Salt master has accepted no key"):
        machines.refuse_half_made(["k8s-w1", "k8s-w2"], ["k8s-w1"])


def test_every_machine_that_was_not_made_is_named():
    machines.check_made(MADE, ["k8s-w3"])
    made = MADE | {"a": {"Error": "no such datastore"}, "b": False, "c": {"deployed": False}}
    with pytest.raises(errors.CommandError) as caught:
        machines.check_made(made, ["k8s-w3", "a", "b", "c", "d"])
    said = str(caught.value)
    assert "k8s-w3" not in said
    for words in ("a: no such datastore", "b: not in the answer", "c: the VM was made", "d: not in the answer"):
        assert words in said
