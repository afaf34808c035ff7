"""What became of every row that was read: counted where it is decided, put together so that the sums agree."""
