"""Where published lists go: drafts that may be published, their immutable copies, and the sinks that get them."""
