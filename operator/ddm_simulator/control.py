"""The control API under ``/_simulator/``: how a test or a person steers the cloud and reads what really happened."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ddm_simulator import changes
from ddm_simulator import faults as kinds
from ddm_simulator.changes import NotFoundError
from ddm_simulator.clock import ManualClock
from ddm_simulator.errors import RefusalError
from ddm_simulator.holds import Hold
from ddm_simulator.seed import Instance as InstanceSeed
from ddm_simulator.settings import Settings
from ddm_simulator.world import World

if TYPE_CHECKING:
    from ddm_simulator.server import Server

PREFIX: Final = "/_simulator/"

Body = TypeVar("Body", bound=BaseModel)
Handler = Callable[["Control", web.Request], Awaitable[object]]


class Speed(BaseModel):
    """How fast the cloud's own work goes."""

    model_config = ConfigDict(extra="forbid")
    speed: float = Field(gt=0, allow_inf_nan=False)


class Advance(BaseModel):
    """How far a manual clock goes."""

    model_config = ConfigDict(extra="forbid")
    seconds: float = Field(ge=0, allow_inf_nan=False)


class Control:
    """The handlers, each a few words; what they return is sent as JSON."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def listing(self, _: web.Request) -> object:
        """This list."""
        return {
            "endpoints": [
                {"method": method, "path": PREFIX + path, "what": (handler.__doc__ or "").strip()}
                for method, path, handler in ENDPOINTS
            ]
        }

    async def ledger(self, http: web.Request) -> object:
        """Every mutating request received, oldest first; `?instance=` chooses, `?since=` leaves out up to an id."""
        wanted, since = http.query.get("instance"), http.query.get("since", "0")
        if not (since.isascii() and since.isdigit()):
            raise ValueError("since: the id of an entry")
        entries = (entry for entry in self.world.entries.values() if wanted in (None, entry.instance_id))
        return {"entries": [entry.json() for entry in entries if int(entry.id) > int(since)]}

    async def requests(self, _: web.Request) -> object:
        """How many requests came so far, by route; under a `rate_limit` also the `most` in a period."""
        gateway = self.world.gateway
        return {"requests": self.world.requests, "throttled": gateway.throttled, "most": gateway.most}

    async def faults(self, _: web.Request) -> object:
        """The faults that are set."""
        return {"faults": [fault.model_dump() for fault in self.world.fault_table.values()]}

    async def add_fault(self, http: web.Request) -> object:
        """Set a fault: `{"kind": …, "route": …, "instance": …, "count": …}`; see the kinds above."""
        return self.world.faults.add(kinds.ADAPTER.validate_python(await _json(http)), self.world.now()).model_dump()

    async def remove_fault(self, http: web.Request) -> object:
        """Remove a fault."""
        self.world.fault_table.remove(http.match_info["id"], self.world.now())
        return {}

    async def clear_faults(self, _: web.Request) -> object:
        """Remove all faults."""
        for fault in list(self.world.fault_table.values()):
            self.world.fault_table.remove(fault.id, self.world.now())
        return {}

    async def holds(self, _: web.Request) -> object:
        """The holds that are set, and the requests that they stop now."""
        held = [asdict(held) for held in self.world.holds.held()]
        return {"holds": [hold.model_dump() for hold in self.world.holds.all()], "held": held}

    async def add_hold(self, http: web.Request) -> object:
        """Stop requests: `{"route": "enlarge", "when": "before" or "after" they are executed, "instance": …}`."""
        return self.world.holds.add(await _read(http, Hold)).model_dump()

    async def release(self, http: web.Request) -> object:
        """Let the requests of a hold go on, and remove it."""
        return {"released": self.world.holds.release(http.match_info["id"])}

    async def release_all(self, _: web.Request) -> object:
        """Remove all holds; the requests that they stop go on."""
        return {"released": self.world.holds.release()}

    async def settings(self, _: web.Request) -> object:
        """How the cloud behaves."""
        return self.world.settings.model_dump()

    async def change_settings(self, http: web.Request) -> object:
        """Change some of the settings."""
        given = await _json(http)
        if not isinstance(given, dict):
            raise ValueError("the body: a JSON object with the settings to change")  # noqa: TRY004  # becomes a 400
        self.world.settings = Settings.model_validate({**self.world.settings.model_dump(), **given})
        return self.world.settings.model_dump()

    async def clock(self, _: web.Request) -> object:
        """The cloud's time (seconds since the epoch) and its speed."""
        return {"now": self.world.now(), "speed": self.world.clock.speed}

    async def change_speed(self, http: web.Request) -> object:
        """Another speed, from now on also for what is under way."""
        speed = (await _read(http, Speed)).speed
        self.world.schedule.stretch(self.world.now(), self.world.clock.speed / speed)
        self.world.clock.speed = speed
        return {"now": self.world.now(), "speed": speed}

    async def advance(self, http: web.Request) -> object:
        """Let time pass: `{"seconds": 60}`; only with `--clock manual`."""
        clock = self.world.clock
        if not isinstance(clock, ManualClock):
            raise ValueError("the clock goes by itself; start with --clock manual")  # noqa: TRY004  # becomes a 400
        clock.advance((await _read(http, Advance)).seconds)
        return {"now": clock.now(), "speed": clock.speed}

    async def instances(self, _: web.Request) -> object:
        """Ids of all instances."""
        return {"instances": [instance.id for instance in self.world.instances.values()]}

    async def instance(self, http: web.Request) -> object:
        """An instance as it truly is, whatever reads show."""
        return changes.shown_instance(changes.find_instance(self.world, http.match_info["id"]))

    async def add_instance(self, http: web.Request) -> object:
        """One more instance, in the shape of the seed file."""
        return changes.shown_instance(changes.add(self.world, await _read(http, InstanceSeed)))

    async def change_instance(self, http: web.Request) -> object:
        """Set name, status, order_id, and the status of nodes, data_nodes and schemas."""
        change = await _read(http, changes.InstanceChange)
        return changes.shown_instance(changes.change_instance(self.world, http.match_info["id"], change))

    async def remove_instance(self, http: web.Request) -> object:
        """Delete an instance."""
        changes.find_instance(self.world, http.match_info["id"])
        self.world.instances.remove(http.match_info["id"], self.world.now())
        return {}

    async def scale(self, http: web.Request) -> object:
        """Somebody scales by hand: `{"add": 2}`, `{"remove": 1}`, with `"job": true` as the console does."""
        change = await _read(http, changes.NodesChange)
        return changes.shown_instance(changes.scale(self.world, http.match_info["id"], change))

    async def jobs(self, _: web.Request) -> object:
        """All jobs."""
        return {"jobs": [changes.shown_job(job) for job in self.world.jobs.values()]}

    async def finish(self, http: web.Request) -> object:
        """End a running job now: `{"outcome": "completes" or "fails", …}`."""
        return changes.shown_job(
            changes.finish_job(self.world, http.match_info["id"], await _read(http, changes.Finish))
        )

    async def orders(self, _: web.Request) -> object:
        """All orders."""
        return {
            "orders": [{"id": o.id, "instance": o.instance_id, "job": o.job_id} for o in self.world.orders.values()]
        }

    async def pay(self, http: web.Request) -> object:
        """Pay an order."""
        order = changes.pay_order(self.world, http.match_info["id"])
        return {"id": order.id, "instance": order.instance_id, "job": order.job_id}

    async def revoke(self, _: web.Request) -> object:
        """Revoke all tokens."""
        return {"revoked": changes.revoke_tokens(self.world)}

    async def change_user(self, http: web.Request) -> object:
        """Another password, or `{"enabled": false}`."""
        user = changes.change_user(self.world, http.match_info["name"], await _read(http, changes.UserChange))
        return {"name": user.name, "enabled": user.enabled}

    async def add_project(self, http: web.Request) -> object:
        """A project with a user, an access key and an instance of its own."""
        return changes.new_project(self.world, await _read(http, changes.NewProject))


ENDPOINTS: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("GET", "", Control.listing),
    ("GET", "ledger", Control.ledger),
    ("GET", "requests", Control.requests),
    ("GET", "faults", Control.faults),
    ("POST", "faults", Control.add_fault),
    ("DELETE", "faults", Control.clear_faults),
    ("DELETE", "faults/{id}", Control.remove_fault),
    ("GET", "holds", Control.holds),
    ("POST", "holds", Control.add_hold),
    ("DELETE", "holds", Control.release_all),
    ("DELETE", "holds/{id}", Control.release),
    ("POST", "holds/{id}/release", Control.release),
    ("GET", "settings", Control.settings),
    ("PATCH", "settings", Control.change_settings),
    ("GET", "clock", Control.clock),
    ("PATCH", "clock", Control.change_speed),
    ("POST", "clock/advance", Control.advance),
    ("GET", "instances", Control.instances),
    ("POST", "instances", Control.add_instance),
    ("GET", "instances/{id}", Control.instance),
    ("PATCH", "instances/{id}", Control.change_instance),
    ("DELETE", "instances/{id}", Control.remove_instance),
    ("POST", "instances/{id}/nodes", Control.scale),
    ("GET", "jobs", Control.jobs),
    ("POST", "jobs/{id}/finish", Control.finish),
    ("GET", "orders", Control.orders),
    ("POST", "orders/{id}/pay", Control.pay),
    ("POST", "tokens/revoke", Control.revoke),
    ("PATCH", "users/{name}", Control.change_user),
    ("POST", "projects", Control.add_project),
)
"""All there is; the listing and docs/simulator.md are made from it."""


def add_routes(app: web.Application, server: Server) -> None:
    """Add the control API to the server's application."""
    control = Control(server.cloud.world)
    for method, path, handler in ENDPOINTS:
        app.router.add_route(method, PREFIX + path, _guarded(control, handler, server))
    app.router.add_route("GET", PREFIX.rstrip("/"), _guarded(control, Control.listing, server))
    app.router.add_route("*", PREFIX + "{path:.*}", _no_such)


def _guarded(
    control: Control, handler: Handler, server: Server
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(http: web.Request) -> web.StreamResponse:
        server.cloud.settle()
        try:
            body = await handler(control, http)
        except NotFoundError as error:
            return web.json_response({"error": str(error)}, status=404)
        except RefusalError as error:
            return web.json_response({"error": error.message}, status=409)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            return web.json_response({"error": f"{where or 'the body'}: {first['msg']}"}, status=400)
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        server.cloud.settle()
        server.poke()
        return web.json_response(body)

    return answer


async def _no_such(_: web.Request) -> web.StreamResponse:
    return web.json_response({"error": f"no such endpoint; GET {PREFIX} lists all"}, status=404)


async def _json(http: web.Request) -> object:
    text = await http.text()
    try:
        return json.loads(text) if text else {}
    except ValueError:
        raise ValueError("the body is no JSON") from None


async def _read(http: web.Request, shape: type[Body]) -> Body:
    return shape.model_validate(await _json(http))
