"""Writers: the list, its files and its page."""
