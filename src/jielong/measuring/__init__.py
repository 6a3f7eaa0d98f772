"""A measurement turns a model and a task into a report."""
