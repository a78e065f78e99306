"""A pluggable task library: shell, HTTP and other systems as ordinary tasks of a flow.

from longshore import flow, On, Failed
from longshore_shell import Shell

@flow
def nightly(day: str):
    export = Shell("./export.sh")(env={"DAY": day})

nightly.run(day="2013-01-01")
"""

from __future__ import annotations

import importlib
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from longshore.branches import case, merge, switch
from longshore.caches import Cache
from longshore.context import Attempt, current
from longshore.datasets import Dataset
from longshore.delays import Delay, Exponential
from longshore.drawings import Drawing
from longshore.errors import (
    ArgumentError,
    AttemptTimedOut,
    ConfigurationError,
    CycleError,
    Fail,
    FlowError,
    FlowFailed,
    ForeignStepError,
    HandlerError,
    LimitError,
    LongshoreError,
    MapError,
    MissingExtraError,
    OutputsError,
    ParameterError,
    PluginError,
    PortableError,
    RetriesExhausted,
    Retry,
    SecretError,
    SelectionError,
    Skip,
    StepUseError,
    TaskCancelled,
    TaskDefinitionError,
    TaskError,
    TaskFailed,
    TaskSkipped,
    TravelError,
    TriggerError,
    WorkerCrashed,
    require,
)
from longshore.executors import InlineExecutor, ProcessExecutor, ThreadExecutor
from longshore.fanouts import flatten, unmapped
from longshore.flowfunctions import FlowFunction, flow
from longshore.flows import Flow
from longshore.functions import FunctionTask, task
from longshore.handlers import BestEffort, On, StateHandler, Subject
from longshore.hookspecs import hookimpl
from longshore.jobs.protocol import (
    Handle,
    JobFailed,
    JobFinished,
    JobNotFoundError,
    JobRunning,
    JobUnreachableError,
    LogLine,
)
from longshore.jobs.tasks import Job
from longshore.nodes import Parameter, Step
from longshore.outputs import Outputs, parse_outputs, parse_progress
from longshore.pools import Executor
from longshore.resources import Resource
from longshore.runs import FlowRun
from longshore.schedules import Cron, Dates, Interval, Schedule
from longshore.secrets import Secret, StreamRedactor, has_secrets, redact
from longshore.secrets import register as register_secret
from longshore.secrets import registered as registered_secrets
from longshore.serving.requests import serve
from longshore.states import (
    Cached,
    Cancelled,
    Crashed,
    Failed,
    Mapped,
    Pending,
    Retrying,
    Running,
    Scheduled,
    Skipped,
    State,
    Success,
    TimedOut,
    TriggerFailed,
    Unknown,
)
from longshore.stores.errors import (
    FlowChangedError,
    LeaseLostError,
    ResultError,
    RunExistsError,
    RunNotFoundError,
    RunTakenError,
    StoreCorruptError,
    StoreError,
    StoreVersionError,
)
from longshore.stores.interface import RunStore
from longshore.tasks import Task
from longshore.texts import text
from longshore.triggers import (
    Trigger,
    all_failed,
    all_finished,
    all_successful,
    any_failed,
    any_successful,
    not_all_skipped,
    some_failed,
    some_successful,
)

if TYPE_CHECKING:
    from longshore.alerts.addresses import open_channel
    from longshore.alerts.channels import Channel
    from longshore.alerts.deliveries import flush_alerts
    from longshore.alerts.errors import DeliveryError
    from longshore.alerts.handlers import Alert
    from longshore.alerts.messages import Detail, Message, Receipt
    from longshore.alerts.settings import AlertSettings
    from longshore.leftovers import Leftover
    from longshore.plugins import storage_schemes
    from longshore.quantities import parse_retry_after
    from longshore.stores.locations import open_store
    from longshore.stores.results import Results
    from longshore.stores.serializers import PickleSerializer, Serializer, decode, encode
    from longshore.stores.sqlite import SQLiteStore
    from longshore.watchers import RunWatcher

__version__: str  # read from the metadata when somebody asks

__all__ = [
    "Alert", "AlertSettings", "ArgumentError", "Attempt", "AttemptTimedOut", "BestEffort", "Cache",
    "Cached", "Cancelled", "Channel", "ConfigurationError", "Crashed", "Cron", "CycleError", "Dataset",
    "Dates", "Delay", "DeliveryError", "Detail", "Drawing", "Executor", "Exponential", "Fail", "Failed",
    "Flow", "FlowChangedError", "FlowError", "FlowFailed", "FlowFunction", "FlowRun", "ForeignStepError",
    "FunctionTask", "Handle", "HandlerError", "InlineExecutor", "Interval", "Job", "JobFailed",
    "JobFinished", "JobNotFoundError", "JobRunning", "JobUnreachableError", "LeaseLostError", "Leftover",
    "LimitError", "LogLine", "LongshoreError", "MapError", "Mapped", "Message", "MissingExtraError", "On",
    "Outputs", "OutputsError", "Parameter", "ParameterError", "Pending", "PickleSerializer", "PluginError",
    "PortableError", "ProcessExecutor", "Receipt", "Resource", "ResultError", "Results", "RetriesExhausted",
    "Retry", "Retrying", "RunExistsError", "RunNotFoundError", "RunStore", "RunTakenError", "RunWatcher",
    "Running", "SQLiteStore", "Schedule", "Scheduled", "Secret", "SecretError", "SelectionError",
    "Serializer", "Skip", "Skipped", "State", "StateHandler", "Step", "StepUseError", "StoreCorruptError",
    "StoreError", "StoreVersionError", "StreamRedactor", "Subject", "Success", "Task", "TaskCancelled",
    "TaskDefinitionError", "TaskError", "TaskFailed", "TaskSkipped", "ThreadExecutor", "TimedOut",
    "TravelError", "Trigger", "TriggerError", "TriggerFailed", "Unknown", "WorkerCrashed", "__version__",
    "all_failed", "all_finished", "all_successful", "any_failed", "any_successful", "case", "current",
    "decode", "encode", "field", "flatten", "flow", "flush_alerts", "has_secrets", "hookimpl", "merge",
    "not_all_skipped", "open_channel", "open_store", "parse_outputs", "parse_progress", "parse_retry_after",
    "redact", "register_secret", "registered_secrets", "require", "serve", "some_failed", "some_successful",
    "storage_schemes", "switch", "task", "text", "unmapped",
]  # fmt: skip


_LATE: Final = {
    "Alert": "longshore.alerts.handlers",
    "AlertSettings": "longshore.alerts.settings",
    "Channel": "longshore.alerts.channels",
    "DeliveryError": "longshore.alerts.errors",
    "Detail": "longshore.alerts.messages",
    "Leftover": "longshore.leftovers",
    "Message": "longshore.alerts.messages",
    "PickleSerializer": "longshore.stores.serializers",
    "Receipt": "longshore.alerts.messages",
    "Results": "longshore.stores.results",
    "RunWatcher": "longshore.watchers",
    "SQLiteStore": "longshore.stores.sqlite",
    "Serializer": "longshore.stores.serializers",
    "decode": "longshore.stores.serializers",
    "encode": "longshore.stores.serializers",
    "flush_alerts": "longshore.alerts.deliveries",
    "open_channel": "longshore.alerts.addresses",
    "open_store": "longshore.stores.locations",
    "parse_retry_after": "longshore.quantities",
    "storage_schemes": "longshore.plugins",
}
"""Public names that are imported when somebody uses them: few programs need them."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("longshore")
    if name in _LATE:
        globals()[name] = getattr(importlib.import_module(_LATE[name]), name)
        return globals()[name]
    raise AttributeError(f"module 'longshore' has no attribute {name!r}")
