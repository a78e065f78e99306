"""Alerts: which transitions make one, what it says, and how it reaches a channel, once."""
