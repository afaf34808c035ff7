"""Settings of tables by where they lie, whatever their rows mean."""
