"""How the simulated cloud behaves; all of it can be changed while it runs."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ddm_simulator.model import Fact

Site: TypeAlias = Literal["cn", "intl", "eu", "otc"]
Seconds: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]

FACTS: tuple[Fact, ...] = ("count", "health", "status", "job")


class Settings(BaseModel):
    """Behaviour that the cloud does not promise, or that differs between its sites."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: Site = Field("cn", description="Whose rules hold for yearly/monthly instances.")
    job_seconds: Seconds = Field(300.0, description="How long an operation takes, at speed 1.")
    settle_order: tuple[Fact, ...] = Field(
        FACTS, description="What becomes true at the end of an operation, from the first to the last."
    )
    settle_gaps: tuple[Seconds, ...] = Field(
        (0.0,), description="Seconds between these, at speed 1: one number for all gaps, or three."
    )
    token_seconds: Seconds = Field(86400.0, description="How long a token is valid.")
    temporary_key_seconds: Seconds = Field(86400.0, description="How long a temporary key is valid at the most.")
    unpublished: tuple[str, ...] = Field((), description="Routes that do not exist in this region, by name.")
    rate_limit: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Requests of one project that are answered in each period, 429 to all others; null: all are."
    )
    rate_limit_period: str = Field(
        "1 minute", pattern=r"^[1-9]\d{0,3} (second|minute|hour)$", description="The period of that limit."
    )
    rate_limit_routes: str = Field("*", description="The routes that it counts, by a pattern such as `enlarge`.")

    @field_validator("settle_order")
    @classmethod
    def _all_facts(cls, order: tuple[Fact, ...]) -> tuple[Fact, ...]:
        if sorted(order) != sorted(FACTS):
            raise ValueError(f"each of {', '.join(FACTS)} once")
        return order

    @field_validator("settle_gaps")
    @classmethod
    def _one_or_three(cls, gaps: tuple[float, ...]) -> tuple[float, ...]:
        if len(gaps) not in (1, len(FACTS) - 1):
            raise ValueError("one number, or three")
        return gaps

    @property
    def rate_limit_seconds(self) -> float:
        """The period of the limit."""
        number, unit = self.rate_limit_period.split()
        return int(number) * {"second": 1.0, "minute": 60.0, "hour": 3600.0}[unit]

    def gaps(self) -> tuple[float, ...]:
        """The three gaps, in seconds."""
        return self.settle_gaps if len(self.settle_gaps) > 1 else self.settle_gaps * (len(FACTS) - 1)
