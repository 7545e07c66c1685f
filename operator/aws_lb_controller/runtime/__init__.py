"""What runs: watches, routing, the queue, workers, leader election, events, metrics and health."""
