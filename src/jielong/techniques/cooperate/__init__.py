"""Several models on one request: chosen among, arguing, building on each other's answers, or sharing the work."""
