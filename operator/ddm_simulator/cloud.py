"""The whole cloud without sockets: a request in, an answer out, time from the world's clock."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Final

from ddm_simulator import errors, lifecycle, times
from ddm_simulator.call import ANONYMOUS, Call, Caller
from ddm_simulator.errors import RefusalError
from ddm_simulator.faults import Plan
from ddm_simulator.holds import When
from ddm_simulator.iam.authenticate import authenticate, authorise
from ddm_simulator.ledger import Entry
from ddm_simulator.messages import Ending, Exchange, Json, Pause, Reply, Request, Response
from ddm_simulator.routes import UNKNOWN, Route, match
from ddm_simulator.schedule import Step
from ddm_simulator.world import World

CONTENT_TYPE: Final = "application/json"


@dataclass(slots=True)
class _Passage:
    """A request on its way, with all that is known of it."""

    request: Request
    route: Route | None
    params: dict[str, str]
    plan: Plan
    request_id: str
    caller: Caller = ANONYMOUS
    entry_id: str = ""

    @property
    def name(self) -> str:
        return self.route.name if self.route else UNKNOWN

    @property
    def instance_id(self) -> str | None:
        return self.params.get("instance_id")

    @property
    def project_id(self) -> str | None:
        return self.params.get("project_id")


class Cloud:
    """DDM and IAM behind their gateway."""

    def __init__(self, world: World) -> None:
        self.world = world

    def exchange(self, request: Request) -> Exchange:
        """A request on its way: yields where it has to wait, returns what its caller gets.

        Closing it means that the caller went away: what was not executed by then never is.
        """
        self.settle()
        passage = self._enter(request)
        finished = False
        try:
            reply = yield from self._pass(passage)
            finished = True
            return reply
        finally:
            if not finished and passage.entry_id:
                self.world.ledger.close(passage.entry_id, self.world.now(), 0, Ending.RESET)

    def settle(self) -> None:
        """Let everything that is due happen."""
        world = self.world
        while (step := world.schedule.pop(world.now())) is not None:
            if step.request is not None:
                self._execute_late(step, step.request)
            else:
                lifecycle.apply(world, step)

    def next_due(self) -> float | None:
        """When something happens by itself next (seconds since the epoch); None: nothing is going on."""
        return self.world.schedule.next_due()

    def _enter(self, request: Request) -> _Passage:
        world = self.world
        found = match(request)
        route, params = found if found is not None else (None, {})
        if route is not None and route.name in world.settings.unpublished:
            route = None
        name = route.name if route else UNKNOWN
        world.requests[name] = world.requests.get(name, 0) + 1
        plan = world.faults.plan(name, params.get("instance_id"), params.get("project_id"), world.now())
        return _Passage(request, route, dict(params), plan, world.ids.plain())

    def _pass(self, passage: _Passage) -> Exchange:
        world, plan = self.world, passage.plan
        refusal = self._admit(passage)
        if passage.route is not None and passage.route.mutates:
            self._open_entry(passage)
        result: Response | RefusalError
        if refusal is not None:
            result = refusal
            if passage.entry_id:
                world.ledger.refused(passage.entry_id, world.now(), refusal.code)
        else:
            yield from self._hold("before", passage)
            self.settle()
            result = self._answer(passage)
            yield from self._hold("after", passage)
        if plan.wait_seconds:
            yield Pause(at=world.now() + plan.wait_seconds)
        return self._reply(passage, result)

    def _admit(self, passage: _Passage) -> RefusalError | None:
        """What the gateway says before the service sees the request."""
        world, route = self.world, passage.route
        if route is None:
            return errors.not_published()
        token = world.tokens.get(passage.request.headers.get("x-auth-token", ""))
        if passage.plan.expire_token and token is not None:
            world.tokens.put(token.id, replace(token, expires=world.now()), world.now())
        over = world.gateway.admit(world.settings, route.name, passage.project_id, world.now())
        if over is not None:
            return over
        if route.access == "anyone":
            return None
        try:
            passage.caller = authenticate(world, passage.request)
            if route.access == "project":
                authorise(world, passage.caller, passage.params["project_id"])
        except RefusalError as refusal:
            return refusal
        return None

    def _hold(self, when: When, passage: _Passage) -> Generator[Pause, None, None]:
        return self.world.holds.stop(
            when, passage.name, passage.instance_id, passage.project_id, passage.entry_id, self.world.now()
        )

    def _answer(self, passage: _Passage) -> Response | RefusalError:
        plan = passage.plan
        late = plan.execute_after_seconds is not None and bool(passage.entry_id)
        if plan.execute and late:
            due = self.world.now() + (plan.execute_after_seconds or 0.0)
            self.world.schedule.execution(due, passage.request, passage.entry_id)
        result: Response | RefusalError = Response(200, {})
        if plan.execute and not late:
            result = self._execute(passage)
        return plan.instead if plan.instead is not None else result

    def _execute(self, passage: _Passage) -> Response | RefusalError:
        world, route = self.world, passage.route
        if route is None:
            return errors.not_published()
        now = world.now()
        at = now - passage.plan.lag_seconds if passage.plan.lag_seconds and not route.mutates else None
        hidden = tuple(passage.plan.hidden_jobs)
        call = Call(world, passage.request, route.name, passage.params, passage.caller, now, at, hidden)
        try:
            response = route.endpoint(call)
        except RefusalError as refusal:
            if passage.entry_id:
                world.ledger.refused(passage.entry_id, now, refusal.code)
            return refusal
        if passage.entry_id:
            world.ledger.executed(passage.entry_id, now, response.body or {})
        return response

    def _execute_late(self, step: Step, request: Request) -> None:
        found = match(request)
        if found is not None:
            route, params = found
            self._execute(_Passage(request, route, dict(params), Plan(), "", entry_id=step.entry_id))

    def _open_entry(self, passage: _Passage) -> None:
        world, request = self.world, passage.request
        entry = Entry(
            id=world.ledger.next_id(),
            received=world.now(),
            method=request.method,
            path=request.path,
            route=passage.name,
            project_id=passage.project_id or "",
            instance_id=passage.instance_id or "",
            caller=str(passage.caller),
            body=request.json(),
            request_id=passage.request_id,
            fault_ids=tuple(passage.plan.fault_ids),
        )
        passage.entry_id = entry.id
        world.ledger.open(entry)

    def _reply(self, passage: _Passage, result: Response | RefusalError) -> Reply:
        plan = passage.plan
        status, body, headers = self._spelled(passage, result)
        for edit in plan.edits:
            body = edit(body) if body is not None else None
        content = plan.raw if plan.raw is not None else Response(status, body).encoded()
        if passage.entry_id:
            self.world.ledger.close(passage.entry_id, self.world.now(), status, plan.ending)
        return Reply(
            status=status,
            headers={
                "Content-Type": CONTENT_TYPE,
                "X-Request-Id": passage.request_id,
                "Date": times.http(self.world.now()),
                **headers,
                **plan.headers,
            },
            body=content,
            ending=plan.ending,
            silent_seconds=plan.silent_seconds,
            deaf_seconds=plan.deaf_seconds,
        )

    @staticmethod
    def _spelled(passage: _Passage, result: Response | RefusalError) -> tuple[int, Json | None, dict[str, str]]:
        if isinstance(result, Response):
            return result.status, result.body, dict(result.headers)
        spelling = passage.route.spelling if passage.route else errors.Spelling.SNAKE
        return result.status, result.body(spelling, passage.request_id), {}
