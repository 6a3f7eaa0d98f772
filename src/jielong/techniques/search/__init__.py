"""Search: many short replies in the place of one long one, and the best way through them."""
