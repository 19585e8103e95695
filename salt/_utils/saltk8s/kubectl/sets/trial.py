"""Try declared objects by dry run: what is fit to be written, what has to wait for another change, what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import choices, diff, dry_run, managed_fields, ownership
from saltk8s.kubectl.compare.dry_run import DryRun, Errors
from saltk8s.kubectl.compare.managed_fields import Steps
from saltk8s.kubectl.manifests import aggregation
from saltk8s.kubectl.manifests.identity import MANAGER, Key
from saltk8s.kubectl.sets import estimate, record, replacement
from saltk8s.kubectl.sets.actions import ADOPT, CHANGE, CREATE, RELEASE, REPLACE, Action, Plan, titles
from saltk8s.kubectl.sets.admission import enabling
from saltk8s.kubectl.sets.admission.enabling import Pending
from saltk8s.kubectl.sets.admission.related import Admission
from saltk8s.kubectl.sets.options import Options
from saltk8s.kubectl.sets.reader import Live, Objects


class Trial(dry_run.Judge):
    """Tries the objects of a set against what is live, and puts what it finds into a plan.

    First for the plan, and again for what had to wait while the plan is carried out.
    """

    def __init__(self, kubectl: Kubectl, set_name: str, declared: Objects, options: Options, live: Live, plan: Plan):
        self.plan = plan
        self.live = live
        self._kubectl = kubectl
        self._declared = declared
        self._options = options
        self._set = set_name
        self._record = record.key(set_name)
        self._dry_run = DryRun(kubectl, declared, options.force_conflicts)
        self._forced_dry_run = DryRun(kubectl, declared, force_conflicts=True)
        self._admission = Admission(kubectl)
        self._possible: list[Pending] | None = None

    def run(self, keys: Sequence[Key]) -> None:
        """Try objects for the plan; raises those that are refused for good, all at once, but for those of others'."""
        rejected = self.again(keys)
        for key, err in rejected.items():
            if key not in self.plan.replaced():
                self.plan.put(self._estimated(key))
            self.plan.waiting[key] = err
        refused = {key: self.plan.waiting.pop(key) for key in self._refused(rejected)}
        error = dry_run.combined(self.set_aside(refused))
        if error:
            raise error

    def again(self, keys: Sequence[Key]) -> Errors:
        """Try objects; put what there is to do for those that are accepted into the plan, return the other ones."""
        new = [key for key in keys if self.live.get(key) is None]
        old = [key for key in keys if self.live.get(key) is not None]
        forced = [key for key in old if key == self._record or self._options.is_shared(key)]
        rejected: Errors = {}
        unreplaced: dict[Key, errors.SaltK8sError | None] = {}
        for runner, some, answers in (
            (self._forced_dry_run, forced, True),
            (self._dry_run, new, False),
            (self._dry_run, [key for key in old if key not in forced], True),
        ):
            try:
                found = runner.tried(some, answers, self)
            except errors.SaltK8sError as err:
                raise self.with_way_out(err) from None
            rejected |= {key: self.with_way_out(err) for key, err in found.rejected.items()}
            for key, answer in found.answers.items():
                if self._is_made_by_others(key):
                    unreplaced[key] = self._replacement(key)
                else:
                    self._compare(key, answer)
        tried = {key: self._tried_otherwise(key, err) for key, err in rejected.items()}
        return {key: err for key, err in (tried | unreplaced).items() if err}

    def set_aside(self, refused: Errors) -> Errors:
        """Let the run go on without what is refused in shared namespaces; return the errors of the other objects."""
        self.plan.set_aside({key: err for key, err in refused.items() if self._options.is_shared(key)})
        return {key: err for key, err in refused.items() if not self._options.is_shared(key)}

    def depends(self, key: Key, err: errors.SaltK8sError) -> list[Key]:
        """Return the actions of the plan that could make the API server accept an object that it rejects."""
        return enabling.enablers(self._explained(key, err), self._pending())

    def wait(self, key: Key, err: errors.SaltK8sError, depends: Sequence[Key]) -> None:
        """Let an object that is rejected now wait for what may lift that."""
        self.plan.put(replace(self.plan.actions[key], depends=tuple(depends)))
        self.plan.waiting[key] = err

    # -- what is asked while many objects are tried

    def about_an_object(self, err: errors.SaltK8sError) -> bool:
        """Return whether another object may be accepted: also when a change of this run could lift the error."""
        return enabling.about_an_object(err) or not self.for_good(Key("", "", "", ""), err)

    def for_good(self, key: Key, err: errors.SaltK8sError) -> bool:
        """Return whether nothing that this run does could lift a rejection."""
        if self._possible is None:  # whether the others change is not known yet, only that they look different
            missing = [
                other for other in self._declared if other not in self.live.equal and other not in self.plan.actions
            ]
            self._possible = [self._with_versions(Action(CHANGE, other)) for other in missing] + self._pending()
        return not enabling.enablers(self._explained(key, err), self._possible)

    def ends(self, key: Key, err: errors.SaltK8sError) -> bool:
        """Return whether the run ends because an object is rejected."""
        return not self._options.is_shared(key) and self.for_good(key, err)

    def _explained(self, key: Key, err: errors.SaltK8sError) -> enabling.Rejected:
        return enabling.explained(key, self._declared.get(key, {}), err, self._admission)

    def _pending(self) -> list[Pending]:
        written = (one for key, one in self.plan.actions.items() if key != self._record and one.verb != RELEASE)
        return [self._with_versions(action) for action in written]

    def _with_versions(self, action: Action) -> Pending:
        return Pending(action, self.live.get(action.key), self._declared.get(action.key))

    def with_way_out(self, err: errors.SaltK8sError) -> errors.SaltK8sError:
        """Return an error; of a webhook that cannot be called, with its configuration and what to do."""
        found = self._admission.webhook(err.webhook) if isinstance(err, api_errors.WebhookFailed) else None
        if found:
            err.args = (f"{err}: {found.way_out(self._set)}",)
        return err

    # -- from an answer to an action

    def _refused(self, rejected: Errors) -> list[Key]:
        """Return which objects are refused for good; the others get what they depend on.

        What only waits for objects that themselves wait for it has nothing to begin with.
        """
        depends = {key: self.depends(key, err) for key, err in rejected.items()}
        lifted: set[Key] = set()
        while True:
            more = {key for key in depends.keys() - lifted if set(depends[key]) - (depends.keys() - lifted)}
            if not more:
                break
            lifted |= more
        self.plan.put(*(replace(self.plan.actions[key], depends=tuple(depends[key])) for key in lifted))
        for key in depends.keys() - lifted:
            if depends[key]:
                text = f"it would have to be written after {titles(depends[key])}, which is rejected as well"
                rejected[key].args = (f"{rejected[key]}: {text}: change one of them in an earlier run",)
        return [key for key in rejected if key not in lifted]

    def _estimated(self, key: Key) -> Action:
        """Return what is to be done for an object that the API server does not accept yet."""
        old = self.live.get(key)
        if old is None:
            return Action(CREATE, key)
        differences = ownership.differences(self._declared[key], old, estimate.applied(old, self._declared[key]))
        return Action(ADOPT if key in self.live.others else CHANGE, key, differences)

    def _tried_otherwise(self, key: Key, err: errors.SaltK8sError) -> errors.SaltK8sError | None:
        """Return what rejects an object, None when there is an action for it nevertheless."""
        webhook = dry_run.without_dry_runs(err)
        if webhook:
            why = f"not tried: the admission webhook {webhook!r} does not support dry runs"
            self.plan.put(replace(self._estimated(key), untried=why))
            return None
        if self.live.get(key) is None:
            return err
        if isinstance(err, errors.Conflict) and self._is_left_over(key, err):
            found = self._forced_dry_run.tried([key], True, self)
            for answer in found.answers.values():
                self._compare(key, answer, (aggregation.RULES,))
            return found.rejected.get(key)
        if not dry_run.is_immutable(err):
            return self._tried_without_what_is_in_the_way(key, err)
        if key == self._record or not self._options.may_replace(key, self._declared[key]):
            return err
        return self._replacement(key)

    def _tried_without_what_is_in_the_way(self, key: Key, err: errors.SaltK8sError) -> errors.SaltK8sError | None:
        old, obj = self.live.existing(key), self._declared[key]
        try:
            found = choices.way(self._kubectl, obj, old, err, self._options.forces(key))
        except errors.Conflict as conflict:
            return conflict
        if found is None:
            err.args = (f"{err}{ownership.way_out(obj, old, err)}",)
            return err
        self._compare(key, found.answer, found.removed)
        return None

    def _is_left_over(self, key: Key, err: errors.Conflict) -> bool:
        """Return whether the only other manager of a field has no more to do with it, and is taken off it before."""
        left_over = err.manager == aggregation.CONTROLLER and err.alone
        return left_over and aggregation.ends(self._declared[key], self.live.existing(key))

    def _is_made_by_others(self, key: Key) -> bool:
        """Return whether nothing may stay of a shared namespace's object: fields, owners, finalizers of others."""
        meta = self.live.existing(key)["metadata"]
        foreign = not managed_fields.is_applied_by_us(self.live.existing(key)) or (
            key in self.live.others and bool(meta.get("ownerReferences") or meta.get("finalizers"))
        )
        return foreign and self._options.is_shared(key) and not key.protected

    def _replacement(self, key: Key) -> errors.SaltK8sError | None:
        """Plan it, and return what rejects it: raised, unless the run goes on without the object."""
        try:
            return self._plan_replacement(key)
        except errors.SaltK8sError as err:
            if not self._options.is_shared(key) or not self.about_an_object(err):
                raise
            return err

    def _plan_replacement(self, key: Key) -> errors.SaltK8sError | None:
        """Plan it; return what rejects the new version, when this run may lift that; raise it when not."""
        old, obj = self.live.existing(key), self._declared[key]
        self._refuse_loss(key, old)
        replicas = None if self._is_made_by_others(key) else replacement.replicas_left(obj, old)
        new = replacement.with_replicas(obj, replicas)
        tried = replacement.stand_in(new, old)
        try:
            answer = self._dry_run.stand_in(key, tried)
        except errors.SaltK8sError as err:
            why = replacement.untriable(err, new)
            if not why and self.for_good(key, err):
                raise
            differences = diff.fields(old, estimate.applied(old, new))
            self.plan.put(
                Action(REPLACE, key, differences, untried=f"not tried: {why}" if why else "", replicas=replicas)
            )
            return None if why else err
        differences = diff.fields(old, replacement.as_replaced(answer, tried, new, old))
        self.plan.put(Action(REPLACE, key, differences, replicas=replicas))
        return None

    def _refuse_loss(self, key: Key, old: Mapping[str, Any]) -> None:
        if self._options.named_in_unprotect(key):
            return
        why = "objects of this kind hold data" if key.protected else replacement.claims_lost(self._kubectl, key, old)
        if why:
            raise errors.Refused(
                f"{key.title}: it would have to be replaced, and {why}: "
                "nothing was done; to replace it, name it in unprotect, too"
            )

    def _compare(self, key: Key, answer: Mapping[str, Any], removed: tuple[Steps, ...] = ()) -> None:
        old = self.live.existing(key)
        differences = ownership.differences(self._declared[key], old, answer)
        if key in self.live.members and not managed_fields.is_applied_by_us(old):  # it would not be pruned any more
            differences |= {("metadata", "managedFields"): (None, f"{MANAGER}: its fields are the set's again")}
        if differences:
            verb = ADOPT if key in self.live.others else CHANGE
            self.plan.put(Action(verb, key, differences, removed=removed))
        else:
            self.plan.actions.pop(key, None)
            self.plan.unchanged += 1
