"""Alignment: a policy learns from its own replies and what they are paid, under a guard against over-optimisation."""
