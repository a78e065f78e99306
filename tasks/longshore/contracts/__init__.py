"""The suites that the tests of tasks, jobs and run stores inherit."""
