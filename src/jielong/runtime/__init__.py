"""What surrounds every provider call: ledger, single flight, limiter, budget, retries, price."""
