"""Where tokens come from: endpoints, local checkpoints, mini, and scripted models for tests."""
