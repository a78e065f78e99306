"""Runs that wait in a store for their time, and the processes that take them from there."""
