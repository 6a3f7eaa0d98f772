"""What is sent into a sandbox and runs there beside foreign code: it imports as little as it can."""
