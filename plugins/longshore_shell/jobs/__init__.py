"""Jobs: commands that go on when the worker that started them has died, and are found again by their key."""
