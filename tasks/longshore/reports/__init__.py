"""A recorded run as one page: the graph with states, a timeline, attempts, logs, results."""
