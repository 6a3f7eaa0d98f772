"""Training data: files that people have, as conversations, preferences and packed documents."""
