"""`Courier`: tells one channel of its incidents: not too often, and each once."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from longshore.alerts.budgets import Digest
from longshore.alerts.calls import Outcome, make_call
from longshore.alerts.explanations import explain
from longshore.alerts.ledgers import Ledger
from longshore.alerts.messages import Message, Receipt
from longshore.alerts.plans import SPARE, make_plan
from longshore.alerts.templates import apply_template
from longshore.alerts.wording import (
    AGAIN,
    LATE,
    late_note,
    long_texts,
    title,
    word,
    word_details,
    word_digest,
)
from longshore.logs import run_log
from longshore.secrets import redact
from longshore.stores.errors import LeaseLostError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from longshore.alerts.channels import Channel
    from longshore.alerts.handlers import Template
    from longshore.alerts.incidents import Incident, Told
    from longshore.alerts.plans import Plan
    from longshore.alerts.spools import Spool

_MOST_COUNTED: Final = 100_000
_OTHERS: Final = 1.0
"""Seconds between two looks at whether another process still tells the channel."""


class Courier:
    """Tells one channel.

    Attributes:
        templates: What replaces a message, by flow.

    Args:
        channel: The channel.
        spool: Where its alerts and incidents are kept.
        clock: Seconds since 1970.
        gap: Seconds between two calls.
    """

    def __init__(
        self, channel: Channel, spool: Spool, *, clock: Callable[[], float] = time.time, gap: float = 1.0
    ) -> None:
        self.channel = channel
        self.templates: dict[str, Template] = {}
        self._clock = clock
        self._gap = gap
        self._spool = spool
        self._ledger = Ledger(spool, channel.address, clock)
        self._said = ""
        self._actions: dict[str, Callable[[Plan, float], None]] = {
            "send": self._send,
            "edit": self._edit,
            "update": self._update,
            "details": self._tell_details,
            "digest": self._tell_digest,
            "skip": self._skip,
        }

    @property
    def waiting(self) -> list[Incident]:
        """The incidents of which the channel has still to be told something."""
        return [incident for incident in list(self._ledger.incidents.values()) if incident.waiting]

    @property
    def untaken(self) -> int:
        """How many alerts no incident has taken in, because a call to the channel goes on, say."""
        return len(self._spool.alerts(self.channel.address, _MOST_COUNTED)) if self._ledger.held else 0

    @property
    def why(self) -> str:
        """Why the last call failed; empty when it did not."""
        return self._ledger.budget.why if self._ledger.budget.failures else ""

    def close(self) -> None:
        """Let another process tell the channel."""
        self._ledger.let_go()

    def work(self, *, hurry: bool = False) -> float | None:
        """Do what is to be done now, one call at most.

        Args:
            hurry: The process ends: nothing is gathered any more.

        Returns:
            Seconds until there may be more to do; None when nothing waits.
        """
        try:
            return self._work(hurry) if self._ledger.hold() else self._wait_for_others(hurry)
        except LeaseLostError:  # this process was stopped for a while, say
            self._ledger.lost()
            return self._wait_for_others(hurry)

    def _wait_for_others(self, hurry: bool) -> float | None:
        return None if hurry else _OTHERS  # who holds the channel lives, and tells this too

    def _work(self, hurry: bool) -> float | None:
        self._ledger.fold()
        now, budget = self._clock(), self._ledger.budget
        waiting = self.waiting
        if not waiting:
            self._ledger.forget_ended()
            return None
        if now < budget.not_before:
            return budget.not_before - now
        plan = make_plan(self.channel, waiting, budget, now, hurry=hurry)
        if plan.what == "wait":
            return plan.wait
        self._actions[plan.what](plan, now)
        return max(0.0, self._ledger.budget.not_before - self._clock())

    def _send(self, plan: Plan, now: float) -> None:
        """Send the first message of an incident."""
        [incident] = plan.incidents
        told, budget = incident.told, self._ledger.budget
        explain(incident, self._spool)
        told.inline = not (self.channel.edits and self.channel.threads and budget.left(now) >= SPARE)
        if now - incident.opened > LATE:
            told.late = now - incident.opened, budget.why if budget.failed_at >= incident.opened else ""
        outcome = self._post(told, "send", [incident], self._message(incident), self.channel.send)
        if outcome.receipt is not None:
            told.receipt, told.owes = outcome.receipt, not told.inline and bool(long_texts(incident))
            run_log.info("alerts | %s was told: %s", self.channel.address, title(incident))
        elif outcome.given_up:
            told.receipt = Receipt(time=now)
        self._finish(outcome, incident)

    def _edit(self, plan: Plan, now: float) -> None:
        """Show a message as it is now; doing so twice changes nothing."""
        [incident] = plan.incidents
        receipt = incident.told.receipt
        assert receipt is not None
        outcome = make_call(self.channel, self._message(incident), lambda m: self._edited(receipt, m))
        if outcome.error is not None and not outcome.error.retryable:  # somebody removed it, say
            incident.told.receipt = Receipt(time=receipt.time)
        self._finish(outcome, incident)

    def _edited(self, receipt: Receipt, message: Message) -> Receipt:
        self.channel.edit(receipt, message)
        return receipt

    def _update(self, plan: Plan, now: float) -> None:
        """Tell what is new of an incident by another message."""
        [incident] = plan.incidents
        told, receipt = incident.told, incident.told.receipt
        perform = self.channel.send
        if receipt is not None and receipt.id and self.channel.threads:
            perform = partial(self.channel.reply, receipt)
        message = self._message(incident, details=False, key=f"{incident.id}/{incident.version}")
        self._finish(self._post(told, "update", [incident], message, perform), incident)

    def _tell_details(self, plan: Plan, now: float) -> None:
        """Show the long texts of an incident beneath its message."""
        [incident] = plan.incidents
        told, receipt = incident.told, incident.told.receipt
        assert receipt is not None
        perform = partial(self.channel.reply, receipt)
        outcome = self._post(told, "details", [incident], word_details(incident), perform)
        refused = outcome.error is not None and not outcome.error.retryable
        if refused:  # then they go into the message itself
            told.inline, told.version = True, told.version - 1
        told.owes = outcome.error is not None and not refused
        self._note(outcome)
        self._ledger.keep(incident)

    def _skip(self, plan: Plan, now: float) -> None:
        """Take as told what is no news for this channel."""
        self._mark(plan.incidents)
        self._ledger.keep(*plan.incidents)

    def _tell_digest(self, plan: Plan, now: float) -> None:
        """Tell of many incidents in one message, or show that one as it is now."""
        budget, incidents = self._ledger.budget, plan.incidents
        digest = budget.digest
        if digest is None:
            digest = budget.digest = Digest(uuid.uuid4().hex, min(i.opened for i in incidents))
        for incident in incidents:
            incident.told.place = digest.key
        members = self._ledger.members(digest.key)
        message = word_digest(digest.key, members, digest.opened)
        receipt = digest.receipt
        if receipt is not None:
            outcome = make_call(self.channel, message, lambda m: self._edited(receipt, m))
        else:
            outcome = self._post(digest, "digest", incidents, message, self.channel.send)
            digest.receipt = Receipt(time=now) if outcome.given_up else outcome.receipt
            if outcome.error is not None and not any(digest.doubts.values()):  # it never arrived
                budget.digest = None
                for incident in incidents:
                    incident.told.place = ""
        self._finish(outcome, *incidents)

    def _post(
        self,
        told: Told | Digest,
        what: str,
        incidents: Sequence[Incident],
        message: Message,
        perform: Callable[[Message], Receipt | str | None],
    ) -> Outcome:
        """Show one message more; that it is tried is on record before, so a killed process leaves a doubt."""
        budget, before = self._ledger.budget, told.doubts.get(what, 0)
        told.doubts[what] = before + 1
        budget.posts.append(self._clock())
        try:
            self._ledger.keep(*incidents)
        except StoreError:  # nothing was tried
            told.doubts[what] = before
            budget.posts.pop()
            raise
        findable = what in ("send", "digest")
        outcome = make_call(self.channel, message, perform, doubts=before, can_be_found=findable)
        if not outcome.uncertain:
            told.doubts[what] = before
        if outcome.error is None:
            told.doubts.pop(what)
        elif not outcome.uncertain:
            budget.posts.pop()
        return outcome

    def _finish(self, outcome: Outcome, *incidents: Incident) -> None:
        """Write down what a call came to."""
        self._note(outcome)
        if outcome.error is None:
            self._mark(incidents)
        for incident in incidents:
            incident.told.again = incident.told.again or outcome.again
        self._ledger.keep(*incidents)

    def _mark(self, incidents: Sequence[Incident]) -> None:
        for incident in incidents:
            told = incident.told
            told.version, told.status, told.time = incident.version, incident.status, self._clock()
            told.calls += 1

    def _note(self, outcome: Outcome) -> None:
        """Take note of how the channel is, and say it when that is news."""
        budget, error, address = self._ledger.budget, outcome.error, self.channel.address
        if outcome.given_up:
            run_log.warning("alerts | %s may have been told something twice, or not at all", address)
        if error is None:
            budget.succeeded(self._clock(), self._gap)
            self._said = ""
            return
        why = redact(str(error))
        budget.failed(self._clock(), why, error.retry_after, refused=not error.retryable)
        if self._said != why:
            self._said = why
            run_log.warning("alerts | cannot tell %s: %s; it is tried again", address, why)

    def _message(self, incident: Incident, *, details: bool = True, key: str = "") -> Message:
        told = incident.told
        notes = [late_note(*told.late)] if told.late is not None else []
        notes += [AGAIN] if told.again else []
        message = word(incident, details=details and told.inline, notes=notes)
        template = self.templates.get(incident.flow)
        if template is not None:
            message = apply_template(template, message, incident)
        return replace(message, key=key or incident.id)
