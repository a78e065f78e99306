"""Jobs: work that goes on in another system, submitted once, watched, found again and cancelled."""
