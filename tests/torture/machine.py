"""The state machine: Hypothesis chooses what happens, how often and when; the oracle looks after every step."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from typing_extensions import override

from tests.torture.deeds import perform, start
from tests.torture.people import CREDENTIALS as SECRETS_OF_A_NAMESPACE
from tests.torture.story import BrokenPromiseError, Story
from tests.torture.weather import API, API_LASTS, CALL_FAULTS, JOB_FAULTS, LAGS, LASTS, READ_FAULTS

STEPS: Final = 40
"""Deeds of a story, besides its beginning and its end."""
MOMENTS: Final = ("label", "wipe", "recreate", "withdraw", "ask", "halt", "join")
"""What may happen at an await, besides death and frost."""

one = st.integers(0, 1)
steps = st.integers(0, 160) | st.integers(0, 30)
more = st.integers(1, 3)
nodes = st.integers(1, 3) | st.integers(-3, 12)
soon = st.sampled_from((0.0, 0.05, 0.3, 2.0))


class Machine(RuleBasedStateMachine):
    """Rules are deeds of a story; what they were given is kept, so that the story can be told again."""

    def __init__(self) -> None:
        super().__init__()
        self.deeds: list[list[Any]] = []
        self.story: Story | None = None
        self.broken = False

    @initialize(
        seed=st.integers(0, 2**20),
        job_seconds=st.sampled_from((15.0, 2.0, 300.0)),
        order=st.integers(0, 23),
        gap=st.sampled_from((0.0, 3.0, 18.0, 240.0)),
        key=st.booleans(),
    )
    def begin(self, seed: int, job_seconds: float, order: int, gap: float, key: bool) -> None:  # noqa: FBT001  # a rule's argument
        """A cloud of some character, an object, an operator."""
        self._do("begin", seed, job_seconds, order, gap, key)

    @rule(seconds=st.sampled_from((0.5, 5.0, 20.0, 70.0, 200.0, 700.0)))
    def wait(self, seconds: float) -> None:
        """Nothing happens."""
        self._do("wait", seconds)

    @rule(which=one, count=nodes, after=soon)
    def scale(self, which: int, count: int, after: float) -> None:
        """More nodes, mostly, than there are."""
        self._do("scale", which, count, after)

    @rule(which=one, count=st.integers(1, 9) | st.none())
    def set_nodes(self, which: int, count: int | None) -> None:
        """Any number of nodes."""
        self._do("set_nodes", which, count)

    @rule(which=one, count=more, number=steps, then=st.sampled_from(MOMENTS))
    def in_the_moment(self, which: int, count: int, number: int, then: str) -> None:
        """More nodes are declared, and something happens at one of the awaits that follow."""
        self._do("calm")
        self._do("scale", which, count, 0.0)
        self._do("moment", which, number)
        self._do(then, which)

    @rule(which=one, count=more, number=steps)
    def scale_and_crash(self, which: int, count: int, number: int) -> None:
        """The moment that everything is about."""
        self._do("scale", which, count, 0.0)
        self._do("crash", which, number)

    @rule(which=one, count=more, number=steps, seconds=st.sampled_from((3.0, 12.0, 100.0, 400.0)))
    def scale_and_freeze(self, which: int, count: int, number: int, seconds: float) -> None:
        """The other moment that everything is about."""
        self._do("second")
        self._do("scale", which, count, 0.0)
        self._do("freeze", which, number, seconds)

    @rule(fault=st.integers(0, len(CALL_FAULTS) - 1), which=one, count=more, number=steps)
    def crash_under_a_fault(self, fault: int, which: int, count: int, number: int) -> None:
        """A call that meets something, and an operator that dies of it."""
        self._do("calm")
        self._do("call_fault", fault)
        self._do("scale", which, count, 0.0)
        self._do("crash", which, number)

    @rule(fault=st.integers(0, len(CALL_FAULTS) - 1), which=one, count=more, after=soon)
    def scale_under_a_fault(self, fault: int, which: int, count: int, after: float) -> None:
        """A call that meets something."""
        self._do("call_fault", fault)
        self._do("scale", which, count, after)

    @rule(fault=st.integers(0, len(CALL_FAULTS) - 1), count=more, seconds=st.sampled_from((70.0, 300.0)))
    def undisturbed(self, fault: int, count: int, seconds: float) -> None:
        """A call that meets something, and nothing else that happens until it is found out."""
        self._do("calm")
        self._do("call_fault", fault)
        self._do("scale", 0, count, seconds)

    @rule(fault=st.integers(0, len(JOB_FAULTS) - 1), which=one, count=more, after=soon)
    def scale_to_a_bad_end(self, fault: int, which: int, count: int, after: float) -> None:
        """A job that ends badly, or not."""
        self._do("calm")
        self._do("job_fault", fault)
        self._do("scale", which, count, after)

    @rule(count=more, number=st.integers(0, 8), dies=st.booleans(), seconds=st.sampled_from((11.0, 400.0)))
    def at_the_intent(self, count: int, number: int, dies: bool, seconds: float) -> None:  # noqa: FBT001  # a rule's argument
        """An intent is stored; its writer dies, or stands still while another operator works."""
        self._do("calm")
        self._do("second")
        self._do("scale", 0, count, 0.0)
        self._do("intent")
        if dies:
            self._do("crash", 0, number)
        else:
            self._do("freeze_writer", number, seconds)
            self._do("wait", seconds)

    @rule(count=more, seconds=st.sampled_from((100.0, 700.0)))
    def out_of_sight(self, count: int, seconds: float) -> None:
        """A job that nobody can see."""
        self._do("calm")
        self._do("scale", 0, count, 2.0)
        self._do("out_of_sight", seconds)

    @rule(fault=st.integers(0, len(JOB_FAULTS) - 1), count=more)
    def given_up(self, fault: int, count: int) -> None:
        """A job that nobody can see for so long that a person gives it up."""
        self._do("calm")
        self._do("job_fault", fault)
        self._do("scale", 0, count, 2.0)
        self._do("out_of_sight", 420.0, 60.0)
        self._do("give_up", 0)
        self._do("wait", 20.0)

    @rule(
        hand=st.sampled_from((1, 2)),
        count=more,
        pause=st.sampled_from((0.5, 2.0, 3.0, 16.0, 30.0)),
        denied=st.booleans(),
    )
    def beside_somebody(self, hand: int, count: int, pause: float, denied: bool) -> None:  # noqa: FBT001  # a rule's argument
        """Somebody scales in the console, and a moment later more nodes are declared."""
        self._do("calm")
        self._do("scale_by_hand", hand)
        if denied:
            self._do("deny_jobs", 20.0)
        self._do("wait", pause)
        self._do("scale", 0, hand + count, 5.0)

    @rule(faults=st.booleans())
    def settle(self, faults: bool) -> None:  # noqa: FBT001  # a rule's argument
        """Everything comes to rest, or as far as the faults let it."""
        self._do("settle") if faults else self._do("calm")

    @rule(which=one, number=steps)
    def crash(self, which: int, number: int) -> None:
        """An operator dies and is started again."""
        self._do("crash", which, number)

    @rule(which=one, number=steps, seconds=st.sampled_from((3.0, 12.0, 100.0, 400.0)))
    def freeze(self, which: int, number: int, seconds: float) -> None:
        """An operator stands still."""
        self._do("freeze", which, number, seconds)

    @rule(joins=st.booleans(), which=one)
    def operators(self, joins: bool, which: int) -> None:  # noqa: FBT001  # a rule's argument
        """Two of them, or one again."""
        self._do("second") if joins else self._do("leave", which)

    @rule(which=one, seconds=st.sampled_from((2.0, 30.0, 600.0)))
    def silent_watch(self, which: int, seconds: float) -> None:
        """A watch says nothing."""
        self._do("stall_watch", which, seconds)

    @rule(which=one, hours=st.sampled_from((-1, 1, -30 / 3600, -3 / 3600, 30 / 3600)))
    def clock(self, which: int, hours: float) -> None:
        """A calendar is set."""
        self._do("set_clock", which, hours)

    @rule(
        count=more,
        hours=st.sampled_from((-30 / 3600, 0.0, -0.1)),
        after=st.sampled_from((2.0, 31.0, 40.0, 50.0)),
        back=st.integers(1, 8),
        what=st.sampled_from(("restore", "wipe", "recreate")),
    )
    def undo(self, count: int, hours: float, after: float, back: int, what: str) -> None:
        """A call that is executed late, and its journal is lost meanwhile."""
        self._do("calm")
        self._do("set_clock", 0, hours)
        self._do("call_fault", CALL_FAULTS.index({"kind": "late", "seconds": 55.0}))
        self._do("scale", 0, count, after)
        self._do(what, 0, back) if what == "restore" else self._do(what, 0)

    @rule(count=more, hours=st.sampled_from((-30 / 3600, 0.0)), lag=st.integers(0, len(LAGS) - 1))
    def refused_then(self, count: int, hours: float, lag: int) -> None:
        """A call that is refused, then one that is not, and more nodes while reads are behind."""
        self._do("calm")
        self._do("call_fault", CALL_FAULTS.index({"kind": "error", "status": 409, "code": "DBS.200019"}))
        self._do("scale", 0, count, 3.0)
        self._do("set_clock", 0, hours)
        self._do("wait", 35.0)
        self._do("lag", lag, 70.0)
        self._do("scale", 0, count + 2, 5.0)

    @rule(kind=st.sampled_from(API), seconds=st.sampled_from(API_LASTS))
    def api_server(self, kind: str, seconds: float) -> None:
        """The API server is not to be reached."""
        self._do("api_weather", kind, seconds)

    @rule(fault=st.integers(0, len(READ_FAULTS) - 1), seconds=st.sampled_from(LASTS))
    def read_fault(self, fault: int, seconds: float) -> None:
        """Questions are answered badly."""
        self._do("read_fault", fault, seconds)

    @rule(fault=st.integers(0, len(LAGS) - 1), seconds=st.sampled_from(LASTS[1:4]))
    def lag(self, fault: int, seconds: float) -> None:
        """Reads are behind."""
        self._do("lag", fault, seconds)

    @rule(what=st.sampled_from(("restart_cloud", "revoke_tokens")))
    def cloud(self, what: str) -> None:
        """The cloud itself."""
        self._do(what)

    @rule(well=st.booleans())
    def job_ends(self, well: bool) -> None:  # noqa: FBT001  # a rule's argument
        """A job ends."""
        self._do("finish_job", well)

    @rule(count=st.sampled_from((1, 2, -1)))
    def by_hand(self, count: int) -> None:
        """Somebody scales in the console."""
        self._do("scale_by_hand", count)

    @rule(which=one, paused=st.sampled_from((False, False, True)))
    def pause(self, which: int, paused: bool) -> None:  # noqa: FBT001  # a rule's argument
        """spec.paused."""
        self._do("pause", which, paused)

    @rule(
        which=st.integers(0, len(SECRETS_OF_A_NAMESPACE) - 1),
        count=more,
        after=st.sampled_from((0.0, 0.05, 2.0, 7.0)),
        seconds=st.sampled_from((3.0, 20.0, 70.0, 400.0)),
    )
    def credential(self, which: int, count: int, after: float, seconds: float) -> None:
        """More nodes are declared, and the credential changes; later it is what it was."""
        self._do("scale", 0, count, after)
        self._do("bring_credential", which, seconds)
        self._do("wait", 7.0)

    @rule(which=one, what=st.sampled_from(("ask", "label", "wipe", "recreate", "withdraw")))
    def touch(self, which: int, what: str) -> None:
        """Somebody or some tool does something to an object."""
        self._do(what, which)

    @rule(which=one, back=st.integers(1, 3) | st.integers(1, 30))
    def restore(self, which: int, back: int) -> None:
        """Some tool puts an older status back."""
        self._do("restore", which, back)

    @rule(which=one, word=st.sampled_from(("retry", "abandon")), truly=st.booleans())
    def answer(self, which: int, word: str, truly: bool) -> None:  # noqa: FBT001  # a rule's argument
        """A question is answered."""
        self._do("answer", which, word, truly)

    @rule(count=st.integers(1, 9))
    def rival(self, count: int) -> None:
        """A second object for the instance."""
        self._do("rival", count)

    @rule(which=one, newer=st.booleans())
    def another_version(self, which: int, newer: bool) -> None:  # noqa: FBT001  # a rule's argument
        """Another version has been here."""
        self._do("another_version", which, newer)

    @override
    def teardown(self) -> None:
        if self.story is None:
            return
        try:
            self._do("end")
            self.tally(self.story)
        finally:
            self.story.close()

    def tally(self, story: Story) -> None:
        """A story is over; for whoever counts."""

    def broke(self, error: BrokenPromiseError) -> None:
        """A promise was broken; the story is over at once. For whoever collects."""
        raise error

    def _do(self, deed: str, *given: Any) -> None:
        if self.broken or (len(self.deeds) > STEPS and deed != "end"):
            return
        self.deeds.append([deed, *given])
        try:
            if deed == "begin":
                self.story = start(*given)
            else:
                assert self.story is not None
                perform(self.story, deed, given)
        except BrokenPromiseError as error:
            self.broken = True
            self.broke(error)
