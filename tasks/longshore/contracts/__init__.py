"""The suites that the tests of tasks and jobs inherit."""
