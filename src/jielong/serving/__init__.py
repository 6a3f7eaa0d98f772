"""The OpenAI protocol in front of any model: what clients ask, what they get, and who may ask."""
