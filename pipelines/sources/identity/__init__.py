"""Which ids are one customer: identities resolved, translated and settled."""
