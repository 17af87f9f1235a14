"""Every request: rate limit, session, transport, retries, and creates that are sent at most once."""
