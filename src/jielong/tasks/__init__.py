"""A task is items, an answer rule and a metric."""
