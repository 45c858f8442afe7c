"""What people and their tools do to the objects, and what a reasonable person does when an object asks for help."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tests.torture.apiserver import ROOT, Change, Json, copy
from tests.torture.universe import ACCESS, INSTANCE, SECRETS, STRANGER

if TYPE_CHECKING:
    from tests.torture.story import Story

CREDENTIALS: Final = (
    {"HUAWEICLOUD_SDK_AK": STRANGER, "HUAWEICLOUD_SDK_SK": SECRETS[2]},
    {"HUAWEICLOUD_SDK_AK": ACCESS, "HUAWEICLOUD_SDK_SK": SECRETS[2]},
    {"HUAWEICLOUD_SDK_AK": ACCESS},
    {"HUAWEICLOUD_SDK_AK": ACCESS, "HUAWEICLOUD_SDK_SK": SECRETS[0]},
    {"HW_USER_NAME": "ddm-user", "HW_USER_PASSWORD": SECRETS[1], "HW_DOMAIN_NAME": "ddm-account"},
    {"HW_USER_NAME": "ddm-user", "HW_USER_PASSWORD": SECRETS[2], "HW_DOMAIN_NAME": "ddm-account"},
)
"""What a namespace's Secret may hold; two are right, and another way in."""
KEPT: Final = 40
"""Writes of an object that a tool may have kept."""
MOST_NODES: Final = 20
STEP: Final = 8
"""The most nodes that the operator adds at once."""
RECONCILE: Final = "ddm.huaweicloud.com/reconcile-requested-at"
RESOLVE: Final = "ddm.huaweicloud.com/resolve"
NEWER: Final = ({"phase": "Draining"}, {"type": "ScaleIn"})
OLDER: Final = ("progressPercent", "startTime", "message", "deadlineTime", "region", "projectId", "reason")
"""Fields without which an earlier version may have written an operation."""


class People:
    """Everybody with a keyboard."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.api = story.universe.api
        self._asked = self._secrets = 0
        self._newer: dict[str, Json] = {}
        """By its id: an operation as it was before a newer version touched it."""
        self._past: dict[str, list[Json]] = {}
        """By uid: what each status has been, one after the other."""
        self.api.watchers.append(self._keep)

    def create(self, name: str, nodes: int | None) -> None:
        """A new object for the instance."""
        spec: Json = {"instanceId": INSTANCE} | ({} if nodes is None else {"nodes": nodes})
        body = {
            "apiVersion": "ddm.huaweicloud.com/v1beta1",
            "kind": "DDMInstance",
            "metadata": {"name": name},
            "spec": spec,
        }
        self.api.request("POST", f"{ROOT}/namespaces/shop/ddminstances", body)

    def scale(self, which: int, nodes: int | None, *, relative: bool = False) -> None:
        """Somebody declares another number of nodes."""
        name = self._name(which)
        if relative and nodes is not None:
            nodes = min(MOST_NODES, max(1, len(self.story.universe.instance.nodes) + nodes))
        self.story.say("spec.nodes", f"spec.nodes of {name} is set to {nodes}")
        self._patch(name, {"spec": {"nodes": nodes}})

    def pause(self, which: int, *, paused: bool) -> None:
        """Somebody sets spec.paused."""
        self.story.say("paused", f"spec.paused of {self._name(which)} is set to {paused}")
        self._patch(self._name(which), {"spec": {"paused": paused}})

    def ask(self, which: int) -> None:
        """Somebody asks for a reconcile."""
        self._asked += 1
        self.story.say("reconcile request", f"somebody asks {self._name(which)} for a reconcile")
        self._annotate(self._name(which), RECONCILE, str(self._asked))

    def label(self, which: int) -> None:
        """Some tool touches the metadata."""
        self._asked += 1
        self.story.say("metadata", f"a tool labels {self._name(which)}")
        self._patch(self._name(which), {"metadata": {"labels": {"touched": str(self._asked)}}})

    def answer(self, which: int, word: str, *, truly: bool) -> None:
        """Somebody answers a question, asked or not; nobody says that a call was not executed when it was.

        Nor does anybody leave a job to itself that still runs, where the instance says RUNNING meanwhile.
        """
        body = self.api.stored[f"shop/{self._name(which)}"]
        operation = body["status"].get("operation") or {}
        if truly and (word == "retry" and not self._may_retry(operation)):
            word = "abandon"
        if truly and word == "abandon" and self.story.slow and self.story.running_jobs():
            return
        key = operation.get("id", "nothing") if truly else "another"
        self.story.say("resolve", f"somebody annotates {self._name(which)} with {key}={word}")
        self._annotate(self._name(which), RESOLVE, f"{key}={word}")

    def wipe(self, which: int) -> None:
        """Somebody restores an object without its status; not when nobody would know of a call that goes on."""
        if self._may_lose():
            self.story.say("status wiped", f"the status of {self._name(which)} is wiped")
            path = f"{ROOT}/namespaces/shop/ddminstances/{self._name(which)}/status"
            self.api.request("PATCH", path, {"status": dict.fromkeys(self._status(which))})
            self._lose(which)

    def restore(self, which: int, back: int) -> None:
        """Some tool restores an object as it was; not when nobody would know of a call that goes on."""
        body = copy(self.api.stored[f"shop/{self._name(which)}"])
        past = self._past[body["metadata"]["uid"]]
        if self._may_lose() and back < len(past):
            self.story.say("older status", f"the status of {self._name(which)} is put back by {back} writes")
            body["status"] = copy(past[-1 - back])
            self.put_status(body)
            self._lose(which)

    def recreate(self, which: int) -> None:
        """An object is deleted and made anew; not when nobody would know of a call that goes on."""
        if self._may_lose():
            name = self._name(which)
            nodes = self.api.stored[f"shop/{name}"]["spec"].get("nodes")
            self.story.say("recreated", f"{name} is deleted and made anew")
            self.api.request("DELETE", f"{ROOT}/namespaces/shop/ddminstances/{name}")
            self.create(name, nodes)
            self._bare()

    def rival(self, nodes: int) -> None:
        """A second object for the same instance; not while two operators lead."""
        if len(self.api.stored) < 2 and len(self.story.replicas) == 1:
            name = "again" if "shop/orders" in self.api.stored else "orders"
            self.story.say("second object", f"{name} is created for the same instance, with {nodes} nodes")
            self.create(name, nodes)

    def bring_credential(self, which: int, seconds: float) -> None:
        """The namespace has a Secret of its own for a while: another's key, a wrong one, half of one, a user."""
        values = CREDENTIALS[which]
        said = ", ".join(values) or "nothing"
        self.story.say("credential", f"the namespace has a Secret with {said} for {seconds:g} s")
        self._secrets += 1
        mine = self._secrets
        encoded = {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}
        self.api.secrets["shop"] = (mine, encoded)

        def take_away() -> None:
            if self.api.secrets.get("shop", (0, {}))[0] == mine:
                del self.api.secrets["shop"]

        self.story.universe.later(seconds, take_away)

    def withdraw(self, which: int) -> None:
        """One of two objects is deleted; not when nobody would know of a call that goes on."""
        if len(self.api.stored) > 1 and self._may_lose():
            self.story.say("second object", f"{self._name(which)} is deleted")
            self.api.request("DELETE", f"{ROOT}/namespaces/shop/ddminstances/{self._name(which)}")
            self._bare()

    def another_version(self, which: int, *, newer: bool) -> None:
        """Another version of the operator has written the journal: with words of its own, or without some."""
        body = copy(self.api.stored[f"shop/{self._name(which)}"])
        operation = body["status"].get("operation")
        if not operation or (newer and operation["id"] in self._newer):
            return
        if newer:
            self._newer[operation["id"]] = copy(operation)
            word = self.story.universe.chance.choice(NEWER)
            self.story.say("newer version", f"a newer version has left {word} in {self._name(which)}")
            operation |= {**word, "newField": "kept"}
        else:
            self.story.say("older version", f"an older version has written the journal of {self._name(which)}")
            for key in OLDER:
                operation.pop(key, None)
        self.put_status(body)

    def help(self) -> None:
        """Do what a condition says that a person can do."""
        for key, body in tuple(self.api.stored.items()):
            said = {c["type"]: c["reason"] for c in body["status"].get("conditions", ())}
            reason, which = said.get("Stalled", ""), sorted(self.api.stored).index(key)
            if reason == "OutcomeUnknown":
                handled = body["status"].get("lastHandledResolve", "")
                self._annotate(body["metadata"]["name"], RESOLVE, None)
                if not handled.startswith(body["status"]["operation"]["id"]):
                    self.answer(which, "retry", truly=True)  # else once the operator has seen that it is gone
            elif reason == "OperationAbandoned":
                nodes = body["spec"]["nodes"]
                self.scale(which, nodes + 1 if nodes < MOST_NODES else nodes - 1)
            elif reason in ("ScaleOutFailed", "ScaleOutPartial"):
                self.ask(which)
            elif reason == "NodesFailed":
                self._delete_failed_nodes()
            elif reason == "StepTooLarge":
                self.scale(which, STEP, relative=True)
            elif reason == "OperationNotUnderstood":
                self._newer_version_ends(body)

    def _newer_version_ends(self, body: Json) -> None:
        changed = copy(body)
        before = self._newer.pop(changed["status"]["operation"]["id"])
        changed["status"]["operation"] |= {"phase": before["phase"], "type": before["type"]}
        self.story.say("newer version", "the newer version puts its words back")
        self.put_status(changed)

    def _delete_failed_nodes(self) -> None:
        instance = self.story.universe.instance
        kept = tuple(node for node in instance.nodes if node.status == "normal")
        self.story.say("by hand", "somebody deletes the failed nodes in the console")
        now = self.story.universe.clock.now()
        self.story.universe.world.instances.put(INSTANCE, replace(instance, nodes=kept), now)

    def _may_retry(self, operation: Json) -> bool:
        """Whether the call of an operation was certainly never executed, and never will be."""
        oracle = self.story.oracle
        intent = next((i for i in oracle.intents if i.id == operation.get("id")), None)
        if intent is None or not intent.entry_id:
            return intent is not None and intent.stored_at < self.story.universe.time - 60.0
        entry = self.story.universe.world.entries.get(intent.entry_id)
        return entry is not None and not entry.executed and not oracle.unsettled(intent.entry_id)

    def _may_lose(self) -> bool:
        story = self.story
        now = story.universe.time
        sent = any(not i.entry_id and i.stored_at > now - 30.0 for i in story.oracle.intents)
        if story.quiet() and not sent and now >= max(story.lag_until, story.hand_until):
            return True
        return story.sole_caller() and now >= max(story.lag_until, story.hand_until)

    def _lose(self, which: int) -> None:
        """What a journal said is gone, and whoever may read of it only there does not know it any more."""
        self.story.oracle.given_up.pop(self.api.stored[f"shop/{self._name(which)}"]["metadata"]["uid"], None)
        self._bare()

    def _keep(self, change: Change) -> None:
        past = self._past.setdefault(change.body["metadata"]["uid"], [])
        past.append(change.body["status"])
        del past[:-KEPT]

    def _bare(self) -> None:
        self.story.bare = not self.story.quiet() or any(replica.frozen for replica in self.story.replicas)

    def _name(self, which: int) -> str:
        keys = sorted(self.api.stored)
        return keys[which % len(keys)].removeprefix("shop/")

    def _status(self, which: int) -> Json:
        status: Json = self.api.stored[f"shop/{self._name(which)}"]["status"]
        return status

    def _annotate(self, name: str, key: str, value: str | None) -> None:
        self._patch(name, {"metadata": {"annotations": {key: value}}})

    def _patch(self, name: str, change: dict[str, Any]) -> None:
        self.api.request("PATCH", f"{ROOT}/namespaces/shop/ddminstances/{name}", change)

    def put_status(self, body: Json) -> None:
        path = f"{ROOT}/namespaces/shop/ddminstances/{body['metadata']['name']}/status"
        self.api.request("PUT", path, body)
