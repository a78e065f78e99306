"""Objects of any store as tasks: verified, atomic, resumable, in bounded memory."""
