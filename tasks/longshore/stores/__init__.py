"""Run stores: the durable record of runs, steps, results and jobs."""
