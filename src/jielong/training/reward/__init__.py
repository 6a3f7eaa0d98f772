"""Reward models: trained on comparisons of replies, tested beside simple baselines."""
