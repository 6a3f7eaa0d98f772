"""Files and pages → texts with offsets, their language and chunks; tokens and n-grams of texts."""
