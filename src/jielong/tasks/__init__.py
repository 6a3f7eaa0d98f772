"""A task is items and the metric that grades the replies to them."""
