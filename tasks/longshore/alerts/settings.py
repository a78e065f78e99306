"""`AlertSettings`: what an alert takes beside its channel, for those who make alerts of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Collection

    from longshore.alerts.handlers import Judge, Predicate, Template
    from longshore.alerts.messages import Severity
    from longshore.handlers import StateTypes


class AlertSettings(TypedDict, total=False):
    """The options of `Alert` beside its channel.

    A class of yours that stands for an alert with a channel of its own takes them as
    `**settings: Unpack[AlertSettings]`, so that a type checker knows them; they are explained at `Alert`.

    Example:
        >>> class Pager(Alert):
        ...     def __init__(self, number: str, **settings: Unpack[AlertSettings]) -> None:
        ...         super().__init__(PagerChannel(number), **settings)
    """

    on: Collection[str]
    only: StateTypes
    ignore: StateTypes | None
    when: Predicate | None
    severity: Severity | Judge | None
    late_after: float | None
    silent_after: float | None
    quiet_hours: str
    group_within: float
    template: Template | None
    link: str
