"""Every request: rate limit, transport, retries, and creates that are sent at most once."""
