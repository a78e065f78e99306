"""The executors of the core keep the contract of executors."""

from __future__ import annotations

from longshore import InlineExecutor, ProcessExecutor, ThreadExecutor
from longshore.testing import ExecutorContract


class TestInlineExecutor(ExecutorContract):
    executor = InlineExecutor()
    pickles = False
    leaves_process = False
    at_once = False


class TestThreadExecutor(ExecutorContract):
    executor = ThreadExecutor(4)
    pickles = False
    leaves_process = False


class TestProcessExecutor(ExecutorContract):
    executor = ProcessExecutor(2)
